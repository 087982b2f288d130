//! The rooms of a profile in one file, and back.
//!
//! Rule: the key that signs is not in it. A copy that could sign would write a part of a feed a
//! second time, and split it for everybody who has the first. Whoever restores is a new author of
//! the same name, in the same rooms, with all that was said there.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::args::Global;
use crate::exit::ExitCode;
use crate::output::Output;
use crate::profile::Profile;
use crate::profile::backup::RestoreError;
use crate::report::Failure;
use crate::transcript::plural;

pub(super) fn backup(global: &Global, output: &Output, to: &Path) -> Result<(), Failure> {
    let profile = Profile::open(global)?;
    let files = profile.backup_files()?;
    let failed = |error: io::Error| {
        let message = format!("cannot write {}: {error}", to.display());
        Failure::new(ExitCode::Failed, "backup.write", message)
            .help("name a file that is not there yet, in a folder that you may write in")
    };
    write(to, &files).map_err(failed)?;
    let rooms = plural(profile.rooms()?.rooms.len() as u64, "room");
    output.say(&format!("kept {rooms} in {}: who has it can read them", to.display()))?;
    output.say("the key that signs your messages is not in it: restored, you are a new author")
}

fn write(to: &Path, files: &[(PathBuf, PathBuf)]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut archive = tar::Builder::new(options.open(to)?);
    // Only plain files are taken back.
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
            .help("it has to be a file that  multichat backup FILE  has written")
    };
    // Before a profile is made for it.
    let file = File::open(from).map_err(|error| unreadable(&error))?;
    let profile = Profile::open(global)?;
    if !profile.rooms()?.rooms.is_empty() {
        let message = format!("profile \"{}\" has rooms already", profile.name());
        return Err(Failure::new(ExitCode::BadInput, "backup.profile", message)
            .help("restore into a new one:  multichat --profile NAME restore FILE"));
    }
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries().map_err(|error| unreadable(&error))? {
        let mut entry = entry.map_err(|error| unreadable(&error))?;
        let name = entry.path().map_err(|error| unreadable(&error))?.into_owned();
        let is_file = entry.header().entry_type().is_file();
        match if is_file { profile.restore(&name, &mut entry) } else { Err(RestoreError::Foreign) }
        {
            Ok(()) => {}
            Err(RestoreError::Foreign) => {
                let message = format!("{} holds what no backup does", from.display());
                return Err(Failure::new(ExitCode::BadInput, "backup.foreign", message)
                    .help("it has to be a file that  multichat backup FILE  has written"));
            }
            Err(RestoreError::Io(error)) => return Err(unreadable(&error)),
            Err(RestoreError::Failed(failure)) => return Err(failure),
        }
    }
    let rooms = profile.rooms()?;
    if let Some(damaged) = rooms.damaged.into_iter().next() {
        return Err(damaged);
    }
    let rooms = plural(rooms.rooms.len() as u64, "room");
    output.say(&format!("restored {rooms}; you sign with a new key from now on"))
}
