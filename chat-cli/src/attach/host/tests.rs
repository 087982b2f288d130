use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn socket_of_a_long_path_is_in_a_private_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (base, one, other) = (dir.path(), dir.path().join("one"), dir.path().join("other"));
    fs::create_dir(&one).unwrap();
    fs::create_dir(&other).unwrap();
    let path = short_path(base, &one).unwrap();
    assert_eq!(short_path(base, &base.join("other/../one")), Some(path.clone()));
    assert_ne!(short_path(base, &other), Some(path.clone()));
    let folder = path.parent().unwrap();
    assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(short_path(base, &one), None);
    fs::remove_dir(folder).unwrap();
    std::os::unix::fs::symlink(&other, folder).unwrap();
    assert_eq!(short_path(base, &one), None);
}
