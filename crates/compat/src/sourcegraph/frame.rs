//! The framing of events, and their compression.
//!
//! Exactly `event: NAME`, a newline, `data: ` and one line of JSON, two newlines; no comments, ids, retries or carriage
//! returns. JSON has no raw newlines, so no content can break a frame.

use super::MatchEvent;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use std::io::{self, Write};

/// How large an event of results is made before the next one begins. One result is never split.
pub const EVENT_BYTES_AIM: usize = 32 * 1024;

/// One event.
pub fn event(name: &str, content: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    Ok(framed(name, &serde_json::to_vec(content)?))
}

/// Results as `matches` events of a readable size.
pub fn matches_events(matches: &[MatchEvent]) -> Result<Vec<Vec<u8>>, serde_json::Error> {
    let mut events = Vec::new();
    let mut data = Vec::new();
    for found in matches {
        data.push(if data.is_empty() { b'[' } else { b',' });
        serde_json::to_writer(&mut data, found)?;
        if data.len() >= EVENT_BYTES_AIM {
            data.push(b']');
            events.push(framed("matches", &std::mem::take(&mut data)));
        }
    }
    if !data.is_empty() {
        data.push(b']');
        events.push(framed("matches", &data));
    }
    Ok(events)
}

fn framed(name: &str, json: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(json.len() + name.len() + 16);
    frame.extend_from_slice(b"event: ");
    frame.extend_from_slice(name.as_bytes());
    frame.extend_from_slice(b"\ndata: ");
    frame.extend_from_slice(json);
    frame.extend_from_slice(b"\n\n");
    frame
}

/// Frames as they go over the wire: as they are, or through one gzip stream that is flushed after each.
#[derive(Debug)]
pub enum Encoder {
    /// As they are.
    Plain,
    /// Compressed.
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

impl Encoder {
    /// What this `Accept-Encoding` allows.
    pub fn for_accept_encoding(accept: &str) -> Self {
        let refuses = |parameters: &str| {
            let weight = parameters.split(';').find_map(|part| part.trim().strip_prefix("q="));
            weight.and_then(|weight| weight.trim().parse::<f32>().ok()).is_some_and(|weight| weight <= 0.0)
        };
        let takes_gzip = accept.split(',').any(|coding| {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            matches!(name.trim(), "gzip" | "x-gzip") && !refuses(parameters)
        });
        match takes_gzip {
            true => Encoder::Gzip(Box::new(GzEncoder::new(Vec::new(), Compression::fast()))),
            false => Encoder::Plain,
        }
    }

    /// The value of `Content-Encoding`, where there is one.
    pub fn content_encoding(&self) -> Option<&'static str> {
        matches!(self, Encoder::Gzip(_)).then_some("gzip")
    }

    /// The bytes that carry a frame to its reader at once.
    pub fn encode(&mut self, frame: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Plain => Ok(frame),
            Encoder::Gzip(gzip) => {
                gzip.write_all(&frame)?;
                gzip.flush()?;
                Ok(std::mem::take(gzip.get_mut()))
            }
        }
    }

    /// The bytes after the last frame.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Plain => Ok(Vec::new()),
            Encoder::Gzip(gzip) => gzip.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn frames_are_exact() {
        let frame =
            event("error", &serde_json::json!({"message": "a\nb\r\n\u{2028}\n\nevent: done"})).unwrap();
        let text = String::from_utf8(frame).unwrap();
        assert_eq!(text.matches('\n').count(), 3);
        assert!(text.starts_with("event: error\ndata: {") && text.ends_with("}\n\n") && !text.contains('\r'));
    }

    #[test]
    fn every_compressed_frame_can_be_read_at_once() {
        let mut encoder = Encoder::for_accept_encoding("br;q=1.0, gzip;q=0.8");
        assert_eq!(encoder.content_encoding(), Some("gzip"));
        let mut sent = encoder.encode(b"event: a\ndata: 1\n\n".to_vec()).unwrap();
        let mut read = [0; 18];
        flate2::read::GzDecoder::new(sent.as_slice()).read_exact(&mut read).unwrap();
        assert_eq!(&read, b"event: a\ndata: 1\n\n");
        sent.extend(encoder.encode(b"second".to_vec()).unwrap());
        sent.extend(encoder.finish().unwrap());
        let mut whole = String::new();
        flate2::read::GzDecoder::new(sent.as_slice()).read_to_string(&mut whole).unwrap();
        assert!(whole.ends_with("\n\nsecond"));
        for refused in ["", "br", "gzip;q=0", "gzip; q=0.0, br"] {
            assert_eq!(Encoder::for_accept_encoding(refused).content_encoding(), None, "{refused}");
        }
    }
}
