//! Files that appear under their name only when they are complete.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// A file being written beside its final place, under a temporary name.
///
/// Dropping it before [`AtomicFile::commit`] removes the temporary file.
pub struct AtomicFile {
    target: PathBuf,
    temporary: PathBuf,
    writer: Option<BufWriter<File>>,
    hasher: Sha256,
    length: u64,
}

impl AtomicFile {
    /// Begins a file that will be named `target`.
    ///
    /// # Errors
    /// `target` names no file, or its folder cannot be written.
    pub fn create(target: &Path) -> Result<Self> {
        let name = target.file_name().ok_or_else(|| Error::value("path", "must name a file"))?;
        let mut tag = [0_u8; 8];
        getrandom::fill(&mut tag).map_err(|error| Error::value("randomness", error.to_string()))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{:016x}.part", u64::from_le_bytes(tag)));
        let temporary = target.with_file_name(hidden);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
            .map_err(Error::io("create", &temporary))?;
        Ok(Self {
            target: target.to_path_buf(),
            temporary,
            writer: Some(BufWriter::with_capacity(1 << 20, file)),
            hasher: Sha256::new(),
            length: 0,
        })
    }

    /// Flushes the file to the disk, gives it its name, and returns its SHA-256 and length.
    ///
    /// # Errors
    /// The disk is full or the name cannot be taken; nothing is left under either name.
    pub fn commit(mut self) -> Result<([u8; 32], u64)> {
        let writer = self.writer.take().ok_or_else(|| Error::value("file", "is already closed"))?;
        let file =
            writer.into_inner().map_err(|error| Error::io("write", &self.temporary)(error.into_error()))?;
        file.sync_all().map_err(Error::io("write", &self.temporary))?;
        drop(file);
        fs::rename(&self.temporary, &self.target).map_err(Error::io("rename to", &self.target))?;
        self.temporary.clear();
        Ok((std::mem::take(&mut self.hasher).finalize().into(), self.length))
    }

    /// Returns a closure that names this file in an I/O error.
    pub fn failure(&self) -> impl FnOnce(io::Error) -> Error + use<> {
        Error::io("write", &self.temporary)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let writer = self.writer.as_mut().ok_or_else(|| io::Error::other("file is closed"))?;
        let written = writer.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        self.writer = None;
        if !self.temporary.as_os_str().is_empty() {
            // Nothing can be done about a failure here; the name alone shows that the file is not finished.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("zkm2m-native-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_file_appears_only_when_committed() {
        let folder = folder("commit");
        let target = folder.join("out.bin");
        let mut file = AtomicFile::create(&target).unwrap();
        file.write_all(b"abc").unwrap();
        assert!(!target.exists());
        let (digest, length) = file.commit().unwrap();
        assert_eq!((digest.to_vec(), length), (Sha256::digest(b"abc").to_vec(), 3));
        assert_eq!(fs::read(&target).unwrap(), b"abc");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn an_abandoned_file_leaves_nothing() {
        let folder = folder("abandon");
        drop(AtomicFile::create(&folder.join("out.bin")).unwrap());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_missing_folder_is_an_io_error() {
        let target = std::env::temp_dir().join("zkm2m-native-no-such-folder").join("out.bin");
        assert!(matches!(AtomicFile::create(&target), Err(Error::Io { .. })));
    }
}
