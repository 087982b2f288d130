//! A node over real sockets on loopback: the same bodies on each runtime.

mod closing;
mod host;
mod links;
mod rulings;
mod sources;
mod stock;
mod sync;

/// Makes a test of each body on each runtime that is built in.
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
    crate::sync::a_third_gets_it_through_the_second as a_third_gets_it_through_the_second,
    crate::sync::a_recorded_session as a_recorded_session_ends_in_the_same_state_when_done_again,
    crate::sync::much_crosses_and_is_read_back as much_crosses_and_is_read_back,
    crate::sync::appends_of_many_tasks as appends_of_many_tasks_are_all_there_once_and_in_order,
    crate::sync::a_sync_that_should_end_ends as a_sync_that_should_end_ends,
    crate::sync::a_slow_subscriber_lags as a_slow_subscriber_lags_and_does_not_grow,
    crate::links::a_restarted_server_is_found_again as a_restarted_server_is_found_again,
    crate::links::whom_we_hang_up_on_is_not_dialled_again
        as whom_we_hang_up_on_is_not_dialled_again,
    crate::links::two_that_dial_each_other as two_that_dial_each_other_keep_one_connection,
    crate::links::ourselves_are_not_dialled_again as ourselves_are_not_dialled_again,
    crate::links::a_stranger_is_left_alone as a_stranger_is_left_alone,
    crate::links::silent_streams_keep_nobody_out as silent_streams_keep_nobody_out,
    crate::links::a_stalled_peer_delays_nobody as a_stalled_peer_delays_nobody,
    crate::links::nobody_there_is_told as nobody_there_is_told,
    crate::rulings::a_refused_feed_is_not_taken_until_it_is_accepted
        as a_refused_feed_is_not_taken_until_it_is_accepted,
    crate::sources::whom_a_source_names_is_met as whom_a_source_names_is_met,
    crate::sources::a_source_that_does_not_leave_is_left as a_source_that_does_not_leave_is_left,
    crate::sources::a_source_that_ends_is_told as a_source_that_ends_is_told,
    crate::sources::there_is_an_end_to_sources as there_is_an_end_to_sources,
    crate::sources::found_peers_leave_room_for_others as found_peers_leave_room_for_others,
    crate::stock::single_blocks_come_without_the_rest as single_blocks_come_without_the_rest,
    crate::stock::blocks_that_nobody_waits_for as blocks_that_nobody_waits_for_are_taken_back,
    crate::closing::a_taken_port_is_named as a_taken_port_is_named,
    crate::closing::closing_ends_everything as closing_ends_everything,
    crate::closing::a_folder_is_kept_and_held as a_folder_is_kept_and_held,
    crate::closing::the_last_handle_closes as the_last_handle_closes,
    crate::closing::a_frozen_peer_delays_closing_little as a_frozen_peer_delays_closing_little,
}
