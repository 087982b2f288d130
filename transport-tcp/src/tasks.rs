//! The tasks of one node, which end with it.
//!
//! Rule: a node starts tasks only through this file, so closing can wait for all of them.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender};

use crate::runtime::traits::{BoxFuture, Runtime};

/// Starts tasks, and knows when the last one has ended.
pub(crate) struct Tasks {
    pub(crate) runtime: Arc<dyn Runtime>,
    running: Sender<Infallible>,
    ended: Receiver<Infallible>,
}

impl Tasks {
    pub(crate) fn new(runtime: Arc<dyn Runtime>) -> Self {
        let (running, ended) = async_channel::bounded(1);
        Self { runtime, running, ended }
    }

    /// Starts a task that is cancelled when `stop` is dropped.
    pub(crate) fn spawn(&self, stop: &Stop, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = stop.stopped();
        self.spawn_to_end(async move {
            let stopped = async {
                let _ = stopped.recv().await;
            };
            futures_lite::future::or(stopped, task).await;
        });
    }

    /// Starts a task that is never cancelled.
    pub(crate) fn spawn_to_end(&self, task: impl Future<Output = ()> + Send + 'static) {
        let running = self.running.clone();
        self.runtime.spawn(Box::pin(async move {
            task.await;
            drop(running);
        }));
    }

    pub(crate) fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.runtime.sleep(duration)
    }

    /// Resolves when all tasks have ended.
    pub(crate) async fn ended(self) {
        drop(self.running);
        let _ = self.ended.recv().await;
    }
}

/// Cancels the tasks started with it when it is dropped.
#[derive(Debug)]
pub(crate) struct Stop {
    stopped: Receiver<Infallible>,
    _stop: Sender<Infallible>,
}

impl Stop {
    pub(crate) fn new() -> Self {
        // Nothing is ever sent: closing the channel is the signal.
        let (_stop, stopped) = async_channel::bounded(1);
        Self { stopped, _stop }
    }

    /// Returns a channel that closes when `self` is dropped.
    pub(crate) fn stopped(&self) -> Receiver<Infallible> {
        self.stopped.clone()
    }
}
