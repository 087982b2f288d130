//! From requests to calls of a store.
//!
//! Rule: the order of requests and of what they see is decided here; stores know no requests.

use std::collections::BTreeSet;

use multifeed_core::{CommitRequest, StoreFailure, StoreKey, StoreReply, StoreRequest, Write};

use crate::{Scan, Store};

#[cfg(test)]
mod tests;

/// Carries out requests as if one after the other, and hands over each reply as soon as it is
/// true.
///
/// Commits are gathered into one group, which becomes durable with one sync. A read that touches
/// nothing of the group goes before it: it sees the same, and neither waits for a sync nor cuts
/// the group in two. Any other read waits for the group.
pub fn carry_out(
    store: &mut impl Store,
    requests: impl IntoIterator<Item = StoreRequest>,
    mut reply: impl FnMut(StoreReply),
) {
    let (mut group, mut touched) = (Vec::new(), Touched::default());
    for request in requests {
        match request {
            StoreRequest::Read(request) => {
                if touched.any_of(request.keys()) {
                    commit(store, &mut group, &mut touched, &mut reply);
                }
                reply(match store.read(request.keys()) {
                    Ok(values) => request.found(values),
                    Err(failure) => request.failed((&failure).into()),
                });
            }
            StoreRequest::Scan(request) => {
                let scan = Scan::from(&request);
                if touched.any_in(&scan) {
                    commit(store, &mut group, &mut touched, &mut reply);
                }
                reply(match store.scan(&scan) {
                    Ok(entries) => request.found(entries),
                    Err(failure) => request.failed((&failure).into()),
                });
            }
            StoreRequest::Commit(request) => {
                touched.add(request.writes());
                group.push(request);
            }
        }
    }
    commit(store, &mut group, &mut touched, &mut reply);
}

/// Makes a group durable and answers each of its commits.
fn commit(
    store: &mut impl Store,
    group: &mut Vec<CommitRequest>,
    touched: &mut Touched,
    mut reply: impl FnMut(StoreReply),
) {
    if group.is_empty() {
        return;
    }
    let commits: Vec<&[Write]> = group.iter().map(CommitRequest::writes).collect();
    let result = store.commit(&commits);
    *touched = Touched::default();
    for request in group.drain(..) {
        reply(match &result {
            Ok(()) => request.durable(),
            Err(failure) => request.failed(StoreFailure::from(failure)),
        });
    }
}

/// The keys that the commits of a group write.
#[derive(Default)]
struct Touched(BTreeSet<StoreKey>);

impl Touched {
    fn add(&mut self, writes: &[Write]) {
        self.0.extend(writes.iter().map(|write| match write {
            Write::Put(key, _) | Write::Delete(key) => *key,
        }));
    }

    fn any_of(&self, keys: &[StoreKey]) -> bool {
        keys.iter().any(|key| self.0.contains(key))
    }

    fn any_in(&self, scan: &Scan) -> bool {
        self.0.range(scan.from..).next().is_some_and(|key| scan.wants(*key))
    }
}
