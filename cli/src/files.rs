//! Files that others read while they are written: whole, and all or none of a set.
//!
//! In: a folder, names and texts. Out: the files. What always holds: nobody ever finds half of one; where one can't be written none changes.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// Puts files into a folder, which is made where there is none; all of them, or none.
pub fn write(folder: &Path, files: &[(PathBuf, &str)]) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
    let mut ready = Vec::with_capacity(files.len());
    for (path, text) in files {
        anyhow::ensure!(!path.is_dir(), "can't write {}: it is a folder", path.display());
        let written = || -> std::io::Result<NamedTempFile> {
            let mut file = tempfile::Builder::new().prefix(".onpace-").permissions(permissions(path)).tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        ready.push((path, written().with_context(|| format!("can't write {}", path.display()))?));
    }
    // From here on nothing is written but names. Should one not be taken, what stood there before is put back.
    let before: Vec<Option<Vec<u8>>> = files.iter().map(|(path, _)| std::fs::read(path).ok()).collect();
    for (at, (path, file)) in ready.into_iter().enumerate() {
        if let Err(error) = file.persist(path) {
            for ((path, _), before) in files[..at].iter().zip(&before) {
                let _ = match before {
                    Some(text) => std::fs::write(path, text),
                    None => std::fs::remove_file(path),
                };
            }
            return Err(error.error).with_context(|| format!("can't write {}", path.display()));
        }
    }
    Ok(())
}

/// Those of the file that is there; else what files usually have.
#[cfg(unix)]
fn permissions(path: &Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).map_or_else(|_| std::fs::Permissions::from_mode(0o666), |metadata| metadata.permissions())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn all_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let names = || -> Vec<String> {
            let mut names: Vec<String> =
                std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        write(folder.path(), &[(path("a"), "1"), (path("b"), "2")]).unwrap();
        std::fs::create_dir(path("c")).unwrap();
        let said = write(folder.path(), &[(path("a"), "3"), (path("c"), "4")]).unwrap_err().to_string();
        assert!(said.contains("it is a folder"), "{said}");
        assert_eq!((std::fs::read_to_string(path("a")).unwrap(), names()), ("1".to_owned(), vec!["a".into(), "b".into(), "c".into()]));
        write(folder.path(), &[(path("a"), "3")]).unwrap();
        assert_eq!(std::fs::read_to_string(path("a")).unwrap(), "3");
        assert!(write(&path("a").join("under a file"), &[]).is_err());
    }
}
