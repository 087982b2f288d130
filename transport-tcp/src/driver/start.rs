//! Creates a driver from options.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use async_channel::{Receiver, Sender};
use multifeed_core::{Config, KeyPair, Multifeed, PublicKey, StoreFailure};

use super::{Driver, Inbox, Opening, Phase, RECEIVED_MAX, TASK_EVENTS_MAX};
use crate::admission::Admission;
use crate::bans::Bans;
use crate::command::{COMMANDS_MAX, Command, Reply};
use crate::connection::ToDriver;
use crate::dialer::Dialer;
use crate::error::NodeError;
use crate::events::Subscribers;
use crate::listener::bind;
use crate::options::NodeOptions;
use crate::recorder::Recorder;
use crate::store_queue::StoreQueue;
use crate::tasks::{Stop, Tasks};

/// What a handle needs from a started driver.
pub(crate) struct Started {
    pub(crate) commands: Sender<Command>,
    pub(crate) public_key: PublicKey,
    pub(crate) ready: Receiver<Result<(), StoreFailure>>,
    pub(crate) ended: Receiver<Infallible>,
}

/// Binds the listeners, opens the store and creates the channels. It starts only the store's
/// thread.
pub(crate) async fn start(
    options: NodeOptions,
    subscribers: Subscribers,
) -> Result<(Driver, Started), NodeError> {
    let limits = options.connections;
    if options.listen.len() > limits.listeners || options.peers.len() > limits.addresses {
        return Err(NodeError::TooMany);
    }
    let listeners: Vec<_> =
        options.listen.iter().map(|addr| bind(*addr)).collect::<Result<_, _>>()?;
    let key_pair = match options.identity {
        Some(identity) => identity,
        None => KeyPair::from_seed(&random()?),
    };
    let mut config = Config::new(options.group, random()?);
    config = config.identity(KeyPair::from_seed(key_pair.seed()));
    config.limits = options.limits;
    config.timing = options.timing;
    let recorder = match &options.record {
        None => None,
        Some(path) => Some(
            Recorder::create(path)
                .map_err(|source| NodeError::Record { path: path.clone(), source })?,
        ),
    };
    let open = if recorder.is_some() { Multifeed::open_recorded } else { Multifeed::open };
    let core = open(config);
    let own = core.public_key();

    let (store, stored) = StoreQueue::open(&options.storage).await?;
    let (commands, commands_in) = async_channel::bounded(COMMANDS_MAX);
    let (received, received_in) = async_channel::bounded(RECEIVED_MAX);
    let (events, events_in) = async_channel::bounded(TASK_EVENTS_MAX);
    let (ended_out, ended) = async_channel::bounded(1);
    let (ready_reply, ready) = Reply::new();
    let opening = Opening { ready: ready_reply, listeners, peers: options.peers };
    let driver = Driver {
        core,
        key_pair: Arc::new(key_pair),
        recorder,
        mode: options.mode,
        start: std::time::Instant::now(),
        phase: Phase::Opening(Box::new(opening)),
        inbox: Inbox {
            commands: commands_in,
            received: received_in,
            task_events: events_in,
            stored,
        },
        timer: None,
        tasks: Tasks::new(options.runtime),
        store,
        calls: BTreeMap::new(),
        subscribers,
        dialer: Dialer::new(own, limits.addresses, u64::from_le_bytes(random()?)),
        dials: Stop::new(),
        listeners: Vec::new(),
        listeners_max: limits.listeners,
        sources: 0,
        sources_stop: Stop::new(),
        bans: Bans::default(),
        admission: Admission::new(own, limits),
        connections: BTreeMap::new(),
        next_connection: 0,
        to_driver: ToDriver { received, events },
        _ended: ended_out,
    };
    Ok((driver, Started { commands, public_key: own, ready, ended }))
}

/// Returns random bytes of the operating system.
fn random<const N: usize>() -> Result<[u8; N], NodeError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| NodeError::Random(io::Error::other(error)))?;
    Ok(bytes)
}
