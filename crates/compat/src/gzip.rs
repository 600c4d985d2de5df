//! Compressed request bodies.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, Read, Write};

/// Why a compressed body cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GunzipError {
    /// It is not gzip, or damaged.
    #[error("the body is not gzip: {source}")]
    Damaged {
        /// What is wrong.
        source: std::io::Error,
    },
    /// It becomes too large.
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge {
        /// How large it may become.
        bytes_max: usize,
    },
}

/// Decompresses a body, up to a size: a small one may become any.
pub fn gunzip(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, GunzipError> {
    let mut out = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let read = GzDecoder::new(body).take(limit).read_to_end(&mut out);
    read.map_err(|source| GunzipError::Damaged { source })?;
    if out.len() > bytes_max {
        return Err(GunzipError::TooLarge { bytes_max });
    }
    Ok(out)
}

/// Compresses bytes.
pub fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_refused() {
        let bomb = gzip(&vec![0; 1 << 20]).unwrap();
        assert!(bomb.len() < 4096);
        assert!(matches!(gunzip(&bomb, 1 << 16), Err(GunzipError::TooLarge { .. })));
        assert_eq!(gunzip(&bomb, 1 << 20).unwrap().len(), 1 << 20);
        assert!(matches!(gunzip(b"{}", 10), Err(GunzipError::Damaged { .. })));
        assert!(matches!(gunzip(&bomb[..20], 1 << 20), Err(GunzipError::Damaged { .. })));
    }
}
