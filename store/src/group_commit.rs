//! Executes requests against a store, with group commit.
//!
//! Rule: the order of execution, and what each request observes, is decided here. Stores do not
//! know requests.

use std::collections::BTreeSet;

use multifeed_core::{CommitRequest, StoreFailure, StoreKey, StoreReply, StoreRequest, Write};

use crate::scan::Scan;
use crate::store::Store;

#[cfg(test)]
mod tests;

/// Executes requests as if one after the other, and passes each reply to `reply` as soon as it is
/// final.
///
/// Consecutive commits form one group, which one sync makes durable. A read that does not touch a
/// key of the pending group runs before the group: the result is the same, the read waits for no
/// sync, and it does not split the group. Any other read runs after the group is durable.
pub fn execute(
    store: &mut impl Store,
    requests: impl IntoIterator<Item = StoreRequest>,
    mut reply: impl FnMut(StoreReply),
) {
    let mut group = Group::default();
    for request in requests {
        match request {
            StoreRequest::Read(request) => {
                if group.writes_any_of(request.keys()) {
                    group.commit(store, &mut reply);
                }
                reply(match store.read(request.keys()) {
                    Ok(values) => request.found(values),
                    Err(failure) => request.failed((&failure).into()),
                });
            }
            StoreRequest::Scan(request) => {
                let scan = Scan::from(&request);
                if group.writes_any_in(&scan) {
                    group.commit(store, &mut reply);
                }
                reply(match store.scan(&scan) {
                    Ok(entries) => request.found(entries),
                    Err(failure) => request.failed((&failure).into()),
                });
            }
            StoreRequest::Commit(request) => group.push(request),
        }
    }
    group.commit(store, &mut reply);
}

/// Commits that become durable together, and the keys that they write.
#[derive(Default)]
struct Group {
    commits: Vec<CommitRequest>,
    keys: BTreeSet<StoreKey>,
}

impl Group {
    fn push(&mut self, request: CommitRequest) {
        self.add_keys(request.writes());
        self.commits.push(request);
    }

    fn add_keys(&mut self, writes: &[Write]) {
        self.keys.extend(writes.iter().map(|write| match write {
            Write::Put(key, _) | Write::Delete(key) => *key,
        }));
    }

    fn writes_any_of(&self, keys: &[StoreKey]) -> bool {
        keys.iter().any(|key| self.keys.contains(key))
    }

    fn writes_any_in(&self, scan: &Scan) -> bool {
        self.keys.range(scan.from..).next().is_some_and(|key| scan.contains(*key))
    }

    /// Makes the group durable, answers each of its commits, and leaves the group empty.
    fn commit(&mut self, store: &mut impl Store, mut reply: impl FnMut(StoreReply)) {
        if self.commits.is_empty() {
            return;
        }
        let commits: Vec<&[Write]> = self.commits.iter().map(CommitRequest::writes).collect();
        let result = store.commit(&commits);
        self.keys.clear();
        for request in self.commits.drain(..) {
            reply(match &result {
                Ok(()) => request.durable(),
                Err(failure) => request.failed(StoreFailure::from(failure)),
            });
        }
    }
}
