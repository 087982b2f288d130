use super::*;

#[test]
fn restore_accepts_only_paths_that_a_backup_writes() {
    let id = super::super::Room::open("kitchen", None, jiff::Timestamp::UNIX_EPOCH).unwrap().id();
    for name in ["nick".into(), format!("rooms/{id}/room.toml"), format!("rooms/{id}/feeds/feeds")]
    {
        assert!(is_backup_path(Path::new(&name)), "{name}");
    }
    let foreign = [
        "identity.key".into(),
        "LOCK".into(),
        "/nick".into(),
        "./nick/x".into(),
        "../nick".into(),
        format!("rooms/{id}/view.redb"),
        format!("rooms/{id}/feeds/../../../nick"),
        format!("rooms/{id}/feeds/a b"),
        format!("rooms/{id}/feeds/{}", "x".repeat(65)),
        "rooms/elsewhere/room.toml".into(),
        String::new(),
    ];
    for name in foreign {
        assert!(!is_backup_path(Path::new(&name)), "{name}");
    }
}
