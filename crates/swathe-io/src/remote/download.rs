//! Whole files fetched into a folder: under a temporary name first, in ranges side by side, going on where an
//! earlier try stopped, checked before they get their name.

use super::fault::{Cure, Fault};
use super::file::{RemoteFile, Version};
use super::policy::shown;
use super::{Session, base_name, parse};
use crate::error::{Error, Result};
use md5::Md5;
use sha2::{Digest, Sha256, Sha512};
use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a file that are fetched at a time.
const PART: u64 = 8 << 20;

/// What the catalogue says of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Bytes.
    pub size: Option<u64>,
    /// Algorithm and value: MD5, SHA-256 and SHA-512 are checked.
    pub checksum: Option<(String, String)>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Downloaded {
    /// It was there already, whole.
    Present,
    /// It was fetched; of these bytes so many had been there from an earlier try.
    Fetched {
        /// Its length.
        bytes: u64,
        /// From an earlier try.
        resumed: u64,
    },
}

/// A file name out of what a server says: no folder, nothing hidden, no characters that a file system or a
/// terminal takes for something else. `None` if nothing is left.
pub fn safe_name(said: &str) -> Option<String> {
    let last = said.rsplit(['/', '\\']).next().unwrap_or(said);
    let name: String = last
        .chars()
        .map(
            |c| match c.is_ascii_alphanumeric() || "._-+=@,".contains(c) {
                true => c,
                false => '_',
            },
        )
        .take(200)
        .collect();
    let name = name.trim_start_matches(['.', '-']).trim_end_matches('.');
    // Names that Windows keeps for devices, with any suffix.
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (stem.len() == 4 && (stem.starts_with("COM") || stem.starts_with("LPT")));
    match name {
        "" => None,
        name if device => Some(format!("_{name}")),
        name => Some(name.to_owned()),
    }
}

impl Session {
    /// Fetches the file at an address to `path`.
    ///
    /// # Errors
    /// It cannot be had, or is not what the catalogue says.
    pub fn download(
        self: &Arc<Self>,
        address: &str,
        path: &Path,
        expected: &Expected,
    ) -> Result<Downloaded> {
        let url = parse(address)?;
        let name = shown(&url);
        let io = |source| Error::Io {
            path: path.display().to_string(),
            source,
        };
        if let Ok(there) = path.metadata() {
            if !there.is_file() {
                return Err(Error::Io {
                    path: path.display().to_string(),
                    source: std::io::Error::other("something that is no file has this name"),
                });
            }
            let whole = expected.size.is_none_or(|size| size == there.len());
            if whole && verify(path, expected).map_err(io)?.is_none() {
                return Ok(Downloaded::Present);
            }
        }
        let file = RemoteFile::new(self, url).map_err(|fault| fault.of(&name))?;
        let mut file_name = path.file_name().unwrap_or_default().to_os_string();
        file_name.push(".part");
        let part = path.with_file_name(file_name);
        let fetched = self.fetch_parts(&file, &part);
        let (version, resumed) = match fetched {
            Err(Stopped::Fault(fault)) if fault.cure == Cure::Whole => {
                self.fetch_whole(&file, &part)?
            }
            Err(Stopped::Fault(fault)) => return Err(fault.of(&name)),
            Err(Stopped::Disk(error)) => return Err(io(error)),
            Ok(fetched) => fetched,
        };
        let wrong = match expected.size.filter(|size| *size != version.length) {
            Some(size) => Some(format!(
                "it has {} bytes, the catalogue says {size}",
                version.length
            )),
            None => verify(&part, expected).map_err(io)?,
        };
        if let Some(wrong) = wrong {
            // What is wrong is not gone on with.
            let _ = std::fs::remove_file(&part);
            let _ = std::fs::remove_file(notes(&part));
            return Err(Fault::new(Cure::None, wrong).of(&name));
        }
        std::fs::rename(&part, path).map_err(io)?;
        let _ = std::fs::remove_file(notes(&part));
        Ok(Downloaded::Fetched {
            bytes: version.length,
            resumed,
        })
    }

    /// Fetches the parts that are missing, in order, so that what is there is whole up to its length. The
    /// file's version, and the bytes that were there.
    fn fetch_parts(
        &self,
        file: &RemoteFile,
        part: &Path,
    ) -> std::result::Result<(Version, u64), Stopped> {
        let noted: Option<Version> = std::fs::read(notes(part))
            .ok()
            .and_then(|note| serde_json::from_slice(&note).ok());
        let there = part.metadata().map_or(0, |m| m.len());
        // At least a byte is read again, to see that the file is the same.
        let from = noted
            .as_ref()
            .map_or(0, |noted| there.min(noted.length.saturating_sub(1)));
        let mut first = file.read(from..from + PART, None)?;
        let mut resumed = from;
        if from > 0
            && !noted
                .as_ref()
                .is_some_and(|noted| noted.is_same(&first.version))
        {
            resumed = 0;
            first = file.read(0..PART, None)?;
        }
        let version = first.version;
        let mut options = File::options();
        let out = options
            .create(true)
            .write(true)
            .truncate(false)
            .open(part)?;
        if let Err(TryLockError::WouldBlock) = out.try_lock() {
            let reason = format!("{} is being fetched by another program", part.display());
            return Err(Stopped::Fault(Fault::new(Cure::None, reason)));
        }
        out.set_len(resumed)?;
        std::fs::write(
            notes(part),
            serde_json::to_vec(&version).unwrap_or_default(),
        )?;
        out.write_all_at(&first.bytes, resumed)?;
        let mut at = resumed + first.bytes.len() as u64;
        while at < version.length {
            let end = (at + PART).min(version.length);
            let received = file.read(at..end, Some(&version))?;
            out.write_all_at(&received.bytes, at)?;
            at = end;
        }
        Ok((version, resumed))
    }

    fn fetch_whole(&self, file: &RemoteFile, part: &Path) -> Result<(Version, u64)> {
        let fetched = self.persist(|| {
            let failed = |e: std::io::Error| Fault::new(Cure::None, e.to_string());
            let out = File::create(part).map_err(failed)?;
            let mut writer = std::io::BufWriter::new(out);
            let version = file.read_whole(|piece| std::io::Write::write_all(&mut writer, piece))?;
            std::io::Write::flush(&mut writer).map_err(failed)?;
            Ok(version)
        });
        fetched
            .map(|version| (version, 0))
            .map_err(|fault| fault.of(file.name()))
    }

    /// The name that a file at an address gets.
    ///
    /// # Errors
    /// The address has no name.
    pub fn file_name(address: &str) -> Result<String> {
        safe_name(base_name(address)).ok_or_else(|| Error::Remote {
            path: address
                .split(['?', '#'])
                .next()
                .unwrap_or_default()
                .to_owned(),
            reason: "the address names no file".into(),
        })
    }
}

/// Why a file is not all there.
enum Stopped {
    Fault(Fault),
    Disk(std::io::Error),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Stopped::Fault(fault)
    }
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Self {
        Stopped::Disk(error)
    }
}

/// Beside a file that is on its way: what version it is.
fn notes(part: &Path) -> PathBuf {
    part.with_extension("part-version")
}

/// What is wrong with a file, by its checksum.
fn verify(path: &Path, expected: &Expected) -> std::io::Result<Option<String>> {
    let Some((algorithm, value)) = &expected.checksum else {
        return Ok(None);
    };
    let plain: String = algorithm
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let found = match plain.to_ascii_uppercase().as_str() {
        "MD5" => digest::<Md5>(path)?,
        "SHA256" => digest::<Sha256>(path)?,
        "SHA512" => digest::<Sha512>(path)?,
        _ => return Ok(None),
    };
    let wrong = !found.eq_ignore_ascii_case(value);
    Ok(wrong.then(|| format!("its {algorithm} checksum is not that of the catalogue")))
}

fn digest<D: Digest>(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = D::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => digest.update(&buffer[..count]),
        }
    }
    let bytes = digest.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_safe() {
        for (said, expected) in [
            (
                "PACE_OCI.20240801T162013.L2.nc",
                Some("PACE_OCI.20240801T162013.L2.nc"),
            ),
            ("../../etc/passwd", Some("passwd")),
            ("/etc/passwd", Some("passwd")),
            ("..\\..\\boot.ini", Some("boot.ini")),
            ("..", None),
            ("a/", None),
            (".bashrc", Some("bashrc")),
            ("-rf", Some("rf")),
            ("a b\u{202e}\n;$(x).nc", Some("a_b_____x_.nc")),
            ("nul.nc", Some("_nul.nc")),
            ("C:evil", Some("C_evil")),
        ] {
            assert_eq!(safe_name(said).as_deref(), expected, "{said}");
        }
        assert_eq!(safe_name(&"a".repeat(999)).unwrap().len(), 200);
    }
}
