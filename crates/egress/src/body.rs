//! Reading a body: what is sent and what it unpacks to are both limited, and so is silence.

use crate::{Limits, SendError};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use std::io::{self, Read};

/// Reads the whole body. Returns it unpacked, and how many bytes came.
pub(crate) async fn read(
    mut response: http::Response<hyper::body::Incoming>,
    origin: &str,
    limits: &Limits,
) -> Result<(Vec<u8>, usize), SendError> {
    let too_large =
        || SendError::BodyTooLarge { origin: origin.to_owned(), n_bytes_max: limits.body_bytes_max };
    let is_packed = is_packed(response.headers(), origin)?;
    let mut bytes = Vec::new();
    loop {
        let frame = tokio::time::timeout(limits.silence_max, response.frame()).await.map_err(|_| {
            SendError::TimedOut { origin: origin.to_owned(), seconds: limits.silence_max.as_secs() }
        })?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| SendError::from_transport(&error, origin))?;
        // Trailers say nothing that is wanted.
        let Ok(chunk) = frame.into_data() else { continue };
        if bytes.len() + chunk.len() > limits.body_bytes_max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    let n_received = bytes.len();
    // An answer without a body (HEAD, 204, 304) may still say how its body would be packed.
    if !is_packed || bytes.is_empty() {
        return Ok((bytes, n_received));
    }
    match unpack(&bytes, limits.body_bytes_max) {
        Ok(Some(unpacked)) => Ok((unpacked, n_received)),
        Ok(None) => Err(too_large()),
        Err(_) => Err(SendError::BadEncoding { origin: origin.to_owned() }),
    }
}

/// Whether the body is gzip; only that and plain bytes were asked for.
fn is_packed(headers: &HeaderMap, origin: &str) -> Result<bool, SendError> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    match (encodings.next().map(|value| value.as_bytes()), encodings.next()) {
        (None | Some(b"" | b"identity"), None) => Ok(false),
        (Some(value), None) if value.eq_ignore_ascii_case(b"gzip") => Ok(true),
        _ => Err(SendError::BadEncoding { origin: origin.to_owned() }),
    }
}

/// `None` if it unpacks to more than the limit.
fn unpack(bytes: &[u8], n_bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(n_bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut unpacked)?;
    Ok((unpacked.len() <= n_bytes_max).then_some(unpacked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn unpacking_ends_at_its_limit() {
        let packed = pack(&[b'a'; 1000]);
        assert_eq!(unpack(&packed, 1000).unwrap().unwrap().len(), 1000);
        assert_eq!(unpack(&packed, 999).unwrap(), None);
        assert!(unpack(&packed[..packed.len() / 2], 1000).is_err());
        assert!(unpack(b"<html>", 1000).is_err());
    }
}
