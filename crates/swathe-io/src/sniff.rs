//! What a file is, by its first bytes; names and suffixes do not count.

use crate::bytes::ByteSource;
use crate::error::{Error, Result};

/// A format that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// HDF5, netCDF-4 included.
    Hdf5,
    /// Classic netCDF: CDF-1, CDF-2 or CDF-5.
    Netcdf3,
}

const HDF5_SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Enough to tell a web page, whatever comment or declaration it starts with.
const HEAD: u64 = 1024;

/// Recognises a file.
///
/// # Errors
/// It is of no format that is read; the error says what it looks like.
pub(crate) fn format_of(source: &dyn ByteSource) -> Result<Format> {
    let read = |offset: u64, len: u64| -> Result<Vec<u8>> {
        let mut bytes = vec![0; len.min(source.len() - offset) as usize];
        source
            .read_exact_at(offset, &mut bytes)
            .map_err(|error| Error::Io {
                path: source.name().into(),
                source: error,
            })?;
        Ok(bytes)
    };
    let head = read(0, HEAD)?;
    if let [b'C', b'D', b'F', 1 | 2 | 5, ..] = head[..] {
        return Ok(Format::Netcdf3);
    }
    // The signature stands at 0, or behind a user block of 512, 1024, 2048, ... bytes.
    if head.starts_with(HDF5_SIGNATURE) {
        return Ok(Format::Hdf5);
    }
    let mut offset = 512;
    while offset < source.len() {
        if read(offset, 8)? == HDF5_SIGNATURE {
            return Ok(Format::Hdf5);
        }
        offset *= 2;
    }
    Err(Error::Format {
        path: source.name().into(),
        reason: what_else(&head, source.len()),
    })
}

fn what_else(head: &[u8], len: u64) -> String {
    let text = String::from_utf8_lossy(head).to_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_page = text.starts_with("<!doctype html") || text.contains("<html");
    if is_page {
        return "this is an HTML page, probably a login page, not data: sign in to Earthdata, \
                accept the licences there, and fetch the file again"
            .into();
    }
    let known = match head {
        [] => "an empty file (0 bytes)",
        [0x0E, 0x03, 0x13, 0x01, ..] => "an HDF4 file, which is not read",
        [0x1F, 0x8B, ..] => "a gzip file: unpack it first",
        [b'B', b'Z', b'h', ..] => "a bzip2 file: unpack it first",
        [b'P', b'K', 3, 4, ..] => "a zip archive: unpack it first",
        [b'C', b'D', b'F', ..] => "a netCDF file of an unknown version",
        _ if text.starts_with("<?xml") || text.starts_with("<error") => {
            "an XML document, probably a server's error message, not data"
        }
        _ if text.starts_with('{') || text.starts_with("[{") => {
            "JSON, probably a server's message or search results, not data"
        }
        _ if head.iter().all(|&b| b == 0) => "nothing but zeros, probably an unfinished download",
        _ if is_text(head) => "a text file, not data",
        _ => return format!("neither an HDF5/netCDF-4 nor a netCDF-3 file ({len} bytes)"),
    };
    format!("this is {known}")
}

/// Whether it reads as text: ten characters at least, none a control character but for white space.
fn is_text(head: &[u8]) -> bool {
    // The last character may be cut.
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    valid.len() >= 10 && valid.chars().all(|c| !c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::MemorySource;

    fn sniffed(bytes: &[u8]) -> Result<Format> {
        format_of(&MemorySource::new("file.nc", bytes))
    }

    #[test]
    fn formats_are_told_by_content() {
        assert_eq!(sniffed(b"CDF\x01....").unwrap(), Format::Netcdf3);
        assert_eq!(sniffed(b"CDF\x02....").unwrap(), Format::Netcdf3);
        assert_eq!(sniffed(b"CDF\x05....").unwrap(), Format::Netcdf3);
        assert_eq!(sniffed(HDF5_SIGNATURE).unwrap(), Format::Hdf5);
        for block in [512, 1024, 2048, 4096] {
            let mut bytes = vec![b'u'; block];
            bytes.extend(HDF5_SIGNATURE);
            assert_eq!(sniffed(&bytes).unwrap(), Format::Hdf5, "{block}");
        }
    }

    #[test]
    fn other_files_are_named() {
        for (bytes, expected) in [
            (
                &b"  <!DOCTYPE html>\n<html><body>Earthdata Login"[..],
                "HTML page",
            ),
            (b"", "an empty file (0 bytes)"),
            (b"\xEF\xBB\xBF<!-- x --><HTML>", "HTML page"),
            (b"<?xml version=\"1.0\"?><Error><Code>AccessDenied", "XML"),
            (b"{\"errors\": []}", "JSON"),
            (b"[{\"meta\": {}}]", "JSON"),
            ("interactions:\n- request: \u{e4}".as_bytes(), "text file"),
            (&"\u{e4}".repeat(600).as_bytes()[1..], "neither an HDF5"),
            (&"\u{e4}".repeat(600).as_bytes()[..1001], "text file"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\x0e\x03\x13\x01", "HDF4"),
            (b"CDF\x07", "unknown version"),
            (&[0; 2000], "zeros"),
            (b"x", "neither an HDF5"),
            // Off the places where a signature may stand.
            (&[&[1; 600], HDF5_SIGNATURE].concat(), "neither an HDF5"),
        ] {
            let message = sniffed(bytes).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            assert!(message.starts_with("file.nc: "), "{message}");
        }
    }
}
