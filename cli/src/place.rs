//! The folder of the embedded engine: who may make it, who may look into it, who is at work in it.
//!
//! In: what `--data` says. Out: paths. What always holds: who only reads makes nothing, so that a mistyped folder is told; what is made is
//! its owner's alone, and that it was made is said. Never here: what is in the file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say::say;

/// The folder where none is named.
const DEFAULT: &str = "onpace-data";
/// The one file of log and store.
const FILE: &str = "onpace.db";

/// The folder.
pub fn folder(data: Option<&Path>) -> PathBuf {
    data.map_or_else(|| DEFAULT.into(), Path::to_path_buf)
}

/// The file for whoever writes: its folder is made where there is none.
pub fn made(data: Option<&Path>) -> Result<PathBuf> {
    Ok(made_folder(data)?.join(FILE))
}

fn made_folder(data: Option<&Path>) -> Result<PathBuf> {
    let folder = folder(data);
    refuse_file(&folder)?;
    if !folder.is_dir() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            builder.mode(0o700);
        }
        builder.create(&folder).with_context(|| format!("can't make the folder {}; name another with --data", folder.display()))?;
        // In a log where there is one.
        if tracing::enabled!(tracing::Level::INFO) {
            tracing::info!("made the folder {}", folder.display());
        } else {
            say(format_args!("onpace: made the folder {}", folder.display()));
        }
    }
    Ok(folder)
}

/// The file for whoever reads: it must be there, for a mistyped folder must not look like a company without events.
pub fn existing(data: Option<&Path>) -> Result<PathBuf> {
    let folder = folder(data);
    refuse_file(&folder)?;
    let file = folder.join(FILE);
    match std::fs::metadata(&file) {
        Ok(_) => Ok(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "there is no {}: name the folder with --data, or write something first with `onpace import` or `onpace up`",
            file.display()
        ),
        Err(error) => Err(error).with_context(|| format!("can't look into {}", folder.display())),
    }
}

fn refuse_file(folder: &Path) -> Result<()> {
    anyhow::ensure!(
        !folder.exists() || folder.is_dir(),
        "{} is a file: --data names the folder in which {FILE} is, or is to be",
        folder.display()
    );
    Ok(())
}

/// Keeps others from running on the same folder for as long as the file is held.
pub fn claim(data: Option<&Path>) -> Result<std::fs::File> {
    let folder = made_folder(data)?;
    let lock = folder.join("onpace.lock");
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file = options.open(&lock).with_context(|| format!("can't write {}", lock.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => bail!("another onpace is at work on {}: stop it, or name another folder with --data", folder.display()),
    }
}

/// What of the engine anybody on this machine can read, if anything.
#[cfg(unix)]
pub fn open_to_others(file: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Who may not go through the folder reaches nothing in it.
    if mode(folder) & 0o001 == 0 {
        return None;
    }
    let beside = |end: &str| {
        let mut path = file.as_os_str().to_owned();
        path.push(end);
        PathBuf::from(path)
    };
    let open: Vec<String> =
        ["", "-wal", "-shm"].map(beside).iter().filter(|path| mode(path) & 0o006 != 0).map(|path| path.display().to_string()).collect();
    (!open.is_empty()).then(|| format!("everybody on this machine can read {0}; `chmod 600 {0}` makes it yours alone", open.join(" ")))
}

/// What of the engine anybody on this machine can read, if anything.
#[cfg(not(unix))]
pub fn open_to_others(_: &Path) -> Option<String> {
    None
}
