//! The sectioned container that r1cs, wtns and zkey files share.
//!
//! ```text
//! magic (4 bytes)  version (u32)  sections (u32)
//! then for each section: id (u32)  length (u64)  payload
//! ```
//!
//! All integers are little-endian. The reader is stricter than the format's own tools: one section per id, no unknown
//! ids, no bytes after the last section, and every payload is consumed to its last byte.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::error::{Error, Result};

/// One kind of sectioned file.
pub struct Kind {
    /// Name in messages.
    pub name: &'static str,
    /// First four bytes.
    pub magic: [u8; 4],
    /// The one version that is read.
    pub version: u32,
    /// Every section the kind may have, with its name in messages.
    pub sections: &'static [(u32, &'static str)],
}

/// The payloads of a file, by section id.
pub struct Sections<'a> {
    kind: &'static Kind,
    payloads: BTreeMap<u32, &'a [u8]>,
}

impl<'a> Sections<'a> {
    /// Splits `bytes` into sections.
    ///
    /// # Errors
    /// Wrong magic or version, an unknown or repeated section, a section that runs past the end, trailing bytes.
    pub fn parse(kind: &'static Kind, bytes: &'a [u8]) -> Result<Self> {
        let mut file = Reader { file: kind.name, section: "file header".to_owned(), rest: bytes };
        if file.take(4)? != kind.magic {
            return Err(file.fail(format!("does not begin with the magic {:?}", kind.name)));
        }
        let version = file.u32()?;
        if version != kind.version {
            return Err(file.fail(format!("version is {version}, must be {}", kind.version)));
        }
        let count = file.u32()?;
        if count as usize > kind.sections.len() {
            return Err(file.fail(format!("{count} sections, must be at most {}", kind.sections.len())));
        }
        let mut payloads = BTreeMap::new();
        for _ in 0..count {
            let id = file.u32()?;
            let length = file.u64()?;
            let Some(name) = kind.name_of(id) else {
                return Err(file.fail(format!("unknown section id {id}")));
            };
            let payload =
                usize::try_from(length).ok().and_then(|length| file.take(length).ok()).ok_or_else(|| {
                    Error::format(kind.name, name, format!("length {length} runs past the end of the file"))
                })?;
            if payloads.insert(id, payload).is_some() {
                return Err(Error::format(kind.name, name, "occurs twice"));
            }
        }
        file.finish()?;
        Ok(Self { kind, payloads })
    }

    /// Returns a reader of section `id`, which must be present.
    ///
    /// # Errors
    /// It is missing.
    pub fn required(&self, id: u32) -> Result<Reader<'a>> {
        let section = self.kind.name_of(id).unwrap_or("unnamed section").to_owned();
        match self.payloads.get(&id) {
            Some(payload) => Ok(Reader { file: self.kind.name, section, rest: payload }),
            None => Err(Error::format(self.kind.name, section, "is missing")),
        }
    }

    /// Returns whether section `id` is present and holds more than a count of zero.
    #[must_use]
    pub fn holds_entries(&self, id: u32) -> bool {
        self.payloads.get(&id).is_some_and(|payload| payload.iter().any(|byte| *byte != 0))
    }
}

impl Kind {
    fn name_of(&self, id: u32) -> Option<&'static str> {
        self.sections.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
    }
}

/// A cursor over one section that never reads past its end.
pub struct Reader<'a> {
    file: &'static str,
    section: String,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Returns a format error at this section.
    pub fn fail(&self, rule: impl Into<String>) -> Error {
        Error::format(self.file, self.section.clone(), rule)
    }

    /// Returns the next `length` bytes.
    ///
    /// # Errors
    /// Fewer bytes are left.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(length) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.fail(format!("needs {length} more bytes, {} are left", self.rest.len()))),
        }
    }

    /// Returns the next `N` bytes as an array.
    ///
    /// # Errors
    /// Fewer bytes are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// Returns the next four bytes as an integer.
    ///
    /// # Errors
    /// Fewer bytes are left.
    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Returns the next eight bytes as an integer.
    ///
    /// # Errors
    /// Fewer bytes are left.
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Returns what is left, without reading it.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns the number of bytes that are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Returns all that is left, which must be `count` items of `size` bytes.
    ///
    /// # Errors
    /// Another number of bytes is left.
    pub fn items(&mut self, count: usize, size: usize) -> Result<&'a [u8]> {
        if count.checked_mul(size) != Some(self.rest.len()) {
            let rule = format!("holds {} bytes, must hold {count} items of {size} bytes", self.rest.len());
            return Err(self.fail(rule));
        }
        Ok(std::mem::take(&mut self.rest))
    }

    /// Checks that the section was read to its end.
    ///
    /// # Errors
    /// Bytes are left.
    pub fn finish(self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.fail(format!("{} bytes too long", self.rest.len())))
        }
    }
}

/// Maps a file into memory for reading.
///
/// # Errors
/// The file cannot be opened or mapped.
pub fn map_file(path: &Path) -> Result<Mmap> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    // SAFETY: the map is read-only and dropped as soon as the file is parsed. This project writes every artefact under
    // a temporary name and renames it, so no file changes under a reader.
    unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    static KIND: Kind =
        Kind { name: "test", magic: *b"test", version: 1, sections: &[(1, "section 1"), (2, "section 2")] };

    fn file(sections: &[(u32, &[u8])]) -> Vec<u8> {
        let mut bytes = b"test".to_vec();
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(u32::try_from(sections.len()).unwrap().to_le_bytes());
        for (id, payload) in sections {
            bytes.extend(id.to_le_bytes());
            bytes.extend((payload.len() as u64).to_le_bytes());
            bytes.extend(*payload);
        }
        bytes
    }

    fn refusal(bytes: &[u8]) -> String {
        Sections::parse(&KIND, bytes).err().expect("must be refused").to_string()
    }

    #[test]
    fn a_well_formed_file_gives_its_sections() {
        let bytes = file(&[(2, &[7, 0, 0, 0]), (1, &[])]);
        let sections = Sections::parse(&KIND, &bytes).unwrap();
        assert_eq!(sections.required(2).unwrap().u32().unwrap(), 7);
        assert!(sections.required(1).unwrap().finish().is_ok());
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = file(&[(1, &[1, 2, 3]), (2, &[4, 5])]);
        for length in 0..bytes.len() {
            assert!(Sections::parse(&KIND, &bytes[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert!(refusal(b"nope\x01\0\0\0\0\0\0\0").contains("magic"));
        assert!(refusal(b"test\x02\0\0\0\0\0\0\0").contains("version is 2"));
        assert!(refusal(b"test\x01\0\0\0\xff\xff\xff\xff").contains("sections"));
        assert!(refusal(&file(&[(9, &[])])).contains("unknown section id 9"));
        assert!(refusal(&file(&[(1, &[]), (1, &[])])).contains("occurs twice"));
        let mut long = file(&[(1, &[])]);
        long.push(0);
        assert!(refusal(&long).contains("1 bytes too long"));
        let mut huge = file(&[(1, &[])]);
        let end = huge.len();
        huge[end - 8..].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(refusal(&huge).contains("runs past the end"));
    }

    #[test]
    fn a_missing_section_and_a_short_read_are_named() {
        let bytes = file(&[(1, &[1, 2])]);
        let sections = Sections::parse(&KIND, &bytes).unwrap();
        assert!(sections.required(2).err().unwrap().to_string().contains("is missing"));
        assert!(sections.required(1).unwrap().u32().unwrap_err().to_string().contains("2 are left"));
        assert!(sections.required(1).unwrap().finish().unwrap_err().to_string().contains("too long"));
    }
}
