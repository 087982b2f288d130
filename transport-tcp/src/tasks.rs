//! The tasks of one node, which end with it.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender};

use crate::runtime::{BoxFuture, Runtime};

/// Starts tasks and knows when the last of them has ended.
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

    /// Runs a task that is dropped when `stop` is.
    pub(crate) fn spawn(&self, stop: &Stop, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = stop.stopped();
        self.spawn_to_end(async move {
            let stopped = async {
                let _ = stopped.recv().await;
            };
            futures_lite::future::or(stopped, task).await;
        });
    }

    /// Runs a task that ends by itself.
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

/// Tasks started with this end when it is dropped.
#[derive(Debug)]
pub(crate) struct Stop {
    stopped: Receiver<Infallible>,
    _stop: Sender<Infallible>,
}

impl Stop {
    pub(crate) fn new() -> Self {
        // Nothing is ever sent: that the sender is gone is the message.
        let (_stop, stopped) = async_channel::bounded(1);
        Self { stopped, _stop }
    }

    /// Ends when this is dropped.
    pub(crate) fn stopped(&self) -> Receiver<Infallible> {
        self.stopped.clone()
    }
}
