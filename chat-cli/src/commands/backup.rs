//! Saves the rooms of a profile to one file and restores them.
//!
//! Rule: a backup does not contain the signing key. A copy that could sign would write part of a
//! feed a second time and fork it. After a restore the user is a new author with the same name,
//! in the same rooms, with the whole history.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::args::Global;
use crate::exit::ExitCode;
use crate::output::Output;
use crate::profile::Profile;
use crate::profile::backup::{RestoreError, is_backup_path};
use crate::report::Failure;
use crate::transcript::plural;

pub(super) fn backup(global: &Global, output: &Output, to: &Path) -> Result<(), Failure> {
    let profile = Profile::open(global)?;
    let files = profile.backup_files()?;
    let failed = |error: io::Error| {
        let message = format!("cannot write {}: {error}", to.display());
        Failure::new(ExitCode::Failed, "backup.write", message)
            .help("name a new file in a folder with write permission")
    };
    write(to, &files).map_err(failed)?;
    let rooms = plural(profile.rooms()?.rooms.len() as u64, "room");
    output
        .say(&format!("saved {rooms} to {}: anyone with this file can read them", to.display()))?;
    output.say("it does not contain your signing key: after a restore you are a new author")
}

fn write(to: &Path, files: &[(PathBuf, PathBuf)]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut archive = tar::Builder::new(options.open(to)?);
    // A restore accepts only plain files.
    archive.sparse(false);
    for (name, path) in files {
        archive.append_file(name, &mut File::open(path)?)?;
    }
    let file = archive.into_inner()?;
    file.sync_all()
}

pub(super) fn restore(global: &Global, output: &Output, from: &Path) -> Result<(), Failure> {
    let unreadable = |error: &io::Error| {
        let message = format!("cannot read {}: {error}", from.display());
        Failure::new(ExitCode::BadInput, "backup.read", message)
            .help("name a file written by  multichat backup FILE")
    };
    let open = || File::open(from).map_err(|error| unreadable(&error));
    // Read once to its end before anything is created, so that a damaged file changes nothing.
    let check = |_: &Path, entry: &mut dyn Read| {
        io::copy(entry, &mut io::sink()).map(|_| ()).map_err(RestoreError::Io)
    };
    each_entry(open()?, from, &unreadable, check)?;
    let mut profile = Profile::open(global)?;
    if !profile.rooms()?.rooms.is_empty() {
        let message = format!("profile \"{}\" already has rooms", profile.name());
        return Err(Failure::new(ExitCode::BadInput, "backup.profile", message)
            .help("restore into a new profile:  multichat --profile NAME restore FILE"));
    }
    let mut restore = profile.begin_restore()?;
    each_entry(open()?, from, &unreadable, |name, entry| restore.add(name, entry))?;
    restore.finish()?;
    let rooms = plural(profile.rooms()?.rooms.len() as u64, "room");
    output.say(&format!("restored {rooms}; you sign with a new key from now on"))
}

/// Calls a function for each entry of an archive.
fn each_entry(
    file: File,
    from: &Path,
    unreadable: &dyn Fn(&io::Error) -> Failure,
    mut take: impl FnMut(&Path, &mut dyn Read) -> Result<(), RestoreError>,
) -> Result<(), Failure> {
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries().map_err(|error| unreadable(&error))? {
        let mut entry = entry.map_err(|error| unreadable(&error))?;
        let name = entry.path().map_err(|error| unreadable(&error))?.into_owned();
        let is_known = entry.header().entry_type().is_file() && is_backup_path(&name);
        match if is_known { take(&name, &mut entry) } else { Err(RestoreError::Foreign) } {
            Ok(()) => {}
            Err(RestoreError::Foreign) => {
                let message = format!("{} has an entry that no backup contains", from.display());
                return Err(Failure::new(ExitCode::BadInput, "backup.foreign", message)
                    .help("name a file written by  multichat backup FILE"));
            }
            Err(RestoreError::Io(error)) => return Err(unreadable(&error)),
            Err(RestoreError::Failed(failure)) => return Err(failure),
        }
    }
    Ok(())
}
