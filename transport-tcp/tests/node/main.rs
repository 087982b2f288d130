//! A node on real sockets over loopback: the same test bodies on each runtime.

mod closing;
mod connections;
mod feed_policy;
mod host;
mod sources;
mod stock;
mod sync;

/// Defines a test of each body on each enabled runtime.
macro_rules! on_each_runtime {
    ($($body:path as $name:ident,)*) => {
        #[cfg(feature = "tokio")]
        mod on_tokio {
            $(#[test] fn $name() { crate::host::on_tokio($body) })*
        }
        #[cfg(feature = "async-std")]
        mod on_async_std {
            $(#[test] fn $name() { crate::host::on_async_std($body) })*
        }
        #[cfg(feature = "smol")]
        mod on_smol {
            $(#[test] fn $name() { crate::host::on_smol($body) })*
        }
    };
}

on_each_runtime! {
    crate::sync::two_nodes_sync_both_ways as two_nodes_sync_both_ways,
    crate::sync::a_feed_is_relayed as a_feed_is_relayed_by_a_node_in_between,
    crate::sync::a_recorded_session as a_recorded_session_replays_to_the_same_state,
    crate::sync::a_large_feed_is_synced as a_large_feed_is_synced_and_read_back,
    crate::sync::concurrent_appends as concurrent_appends_are_all_stored_once_and_in_order,
    crate::sync::a_one_time_sync_ends as a_one_time_sync_ends_by_itself,
    crate::sync::a_slow_subscriber_lags as a_slow_subscriber_lags_and_its_queue_stays_bounded,
    crate::connections::a_restarted_server_is_reconnected as a_restarted_server_is_reconnected,
    crate::connections::a_disconnected_address_is_not_redialled
        as a_disconnected_address_is_not_redialled,
    crate::connections::two_that_dial_each_other as two_that_dial_each_other_keep_one_connection,
    crate::connections::our_own_address_is_not_redialled as our_own_address_is_not_redialled,
    crate::connections::another_group_is_refused as a_peer_of_another_group_is_refused,
    crate::connections::a_flipped_bit_bans_no_peer as a_flipped_bit_bans_no_peer,
    crate::connections::an_eclipse_keeps_no_specified_peer_out
        as an_eclipse_keeps_no_specified_peer_out,
    crate::connections::silent_connections_keep_no_member_out
        as silent_connections_keep_no_member_out,
    crate::connections::a_stalled_peer_delays_no_other as a_stalled_peer_delays_no_other_peer,
    crate::connections::a_refused_dial_is_reported as a_refused_dial_is_reported_and_retried,
    crate::feed_policy::a_refused_feed_is_not_downloaded_until_accepted
        as a_refused_feed_is_not_downloaded_until_accepted,
    crate::sources::a_reported_peer_is_connected as a_reported_peer_is_connected,
    crate::sources::a_hijacked_address_is_dialled as a_hijacked_address_is_dialled,
    crate::sources::closing_drops_a_source_that_never_ends
        as closing_drops_a_source_that_never_ends,
    crate::sources::a_source_that_ends_early_is_reported as a_source_that_ends_early_is_reported,
    crate::sources::the_number_of_sources_is_bounded as the_number_of_sources_is_bounded,
    crate::sources::discovered_peers_leave_slots_for_others
        as discovered_peers_leave_slots_for_others,
    crate::stock::single_blocks_are_fetched as single_blocks_are_fetched_without_the_rest,
    crate::stock::abandoned_requests as abandoned_requests_for_blocks_are_cancelled,
    crate::closing::debug_shows_no_secret as debug_of_a_node_and_its_options_shows_no_secret,
    crate::closing::a_taken_port_is_reported as a_taken_port_is_reported_with_its_address,
    crate::closing::closing_ends_everything as closing_ends_everything,
    crate::closing::a_folder_is_locked as a_folder_is_locked_while_open_and_keeps_its_feeds,
    crate::closing::dropping_the_last_handle_closes as dropping_the_last_handle_closes_the_node,
    crate::closing::a_frozen_peer_barely_delays_closing as a_frozen_peer_barely_delays_closing,
}
