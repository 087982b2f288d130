use std::io::ErrorKind;

use super::*;

fn failure(error: NodeError) -> Failure {
    node_failure(error, Some(Path::new("/room/feeds")))
}

#[test]
fn each_failure_has_code_and_help() {
    let addr = "127.0.0.1:4977".parse().unwrap();
    let io = |kind: ErrorKind| io::Error::from(kind);
    let store = |kind| NodeError::Store(store::Failure::new(kind));
    let cases = [
        (
            NodeError::AddrInUse { addr, source: io(ErrorKind::AddrInUse) },
            ExitCode::Network,
            "net.in-use",
        ),
        (
            NodeError::Permission { addr, source: io(ErrorKind::PermissionDenied) },
            ExitCode::Network,
            "net.permission",
        ),
        (
            NodeError::Listen { addr, source: io(ErrorKind::AddrNotAvailable) },
            ExitCode::Network,
            "net.listen",
        ),
        (NodeError::TooMany, ExitCode::Network, "net.many"),
        (store(FailureKind::Locked), ExitCode::InUse, "store.locked"),
        (store(FailureKind::Damaged), ExitCode::Damaged, "store.damaged"),
        (store(FailureKind::Full), ExitCode::Failed, "store.full"),
        (store(FailureKind::TooNew { found: 9 }), ExitCode::Failed, "store.newer"),
        (store(FailureKind::Io), ExitCode::Failed, "store.io"),
        (NodeError::Failed(StoreFailure::Damaged), ExitCode::Damaged, "store.damaged"),
        (NodeError::Failed(StoreFailure::WrongGroup), ExitCode::Damaged, "store.group"),
        (NodeError::Failed(StoreFailure::Closed), ExitCode::Failed, "store.io"),
        (NodeError::Misuse(Misuse::FeedBroken), ExitCode::Damaged, "store.damaged"),
    ];
    for (error, exit, code) in cases {
        let failure = failure(error);
        assert_eq!((failure.exit(), failure.code()), (exit, code));
        assert!(!failure.report().unwrap().help_lines().is_empty(), "{code} has no remedy");
    }
}

#[test]
fn failure_includes_system_error_and_path() {
    let inner = store::Failure::from_io(io::Error::other("bad sector"));
    let failure = failure(NodeError::Store(inner));
    let message = failure.report().unwrap().message().to_string();
    assert!(message.contains("/room/feeds") && message.contains("bad sector"), "{message}");
}
