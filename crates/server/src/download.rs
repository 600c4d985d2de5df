//! Sending a large file that must arrive whole: ranges (RFC 9110, section 14), so that a broken download goes on.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::state::AppState;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// How much is sent between two looks at the permissions.
const CHUNK_BYTES: usize = 256 << 10;

/// A file to send.
pub(crate) struct Download {
    /// The file.
    pub(crate) file: std::fs::File,
    /// How much of it is sent at most.
    pub(crate) size_bytes: u64,
    /// Tells this content from any other, without quotes.
    pub(crate) tag: String,
    /// What the browser saves it as: letters, digits, dots, dashes.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) media_type: &'static str,
}

/// The part that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Range { start: u64, end: u64 },
    Unsatisfiable,
}

/// Answers with the file, or the part of it that is asked for.
pub(crate) fn send(
    state: AppState,
    caller: Caller,
    headers: &HeaderMap,
    download: Download,
) -> Result<Response, Failure> {
    let tag = format!("\"{}\"", download.tag);
    let size = download.size_bytes;
    let part = part(headers, &tag, size);
    let mut answer = match part {
        Part::Unsatisfiable => StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
        Part::Whole => body(state, caller, download.file, 0..size).into_response(),
        Part::Range { start, end } => {
            let mut answer = body(state, caller, download.file, start..end).into_response();
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            answer
        }
    };
    let (length, range) = match part {
        Part::Whole => (Some(size), None),
        Part::Range { start, end } => (Some(end - start), Some(format!("bytes {start}-{}/{size}", end - 1))),
        Part::Unsatisfiable => (None, Some(format!("bytes */{size}"))),
    };
    let out = answer.headers_mut();
    let value = |text: String| HeaderValue::try_from(text).map_err(Failure::internal);
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(download.media_type));
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(header::ETAG, value(tag)?);
    let disposition = format!("attachment; filename=\"{}\"", download.name);
    out.insert(header::CONTENT_DISPOSITION, value(disposition)?);
    out.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(crate::headers::SANDBOX_POLICY));
    if let Some(length) = length {
        out.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(range) = range {
        out.insert(header::CONTENT_RANGE, value(range)?);
    }
    Ok(answer)
}

/// One range of bytes; several at once, or units nobody knows, are answered with everything, as the standard allows.
fn part(headers: &HeaderMap, tag: &str, size: u64) -> Part {
    let Some(range) = headers.get(header::RANGE).and_then(|range| range.to_str().ok()) else {
        return Part::Whole;
    };
    // What was begun of another content must not be gone on with.
    if headers.get(header::IF_RANGE).is_some_and(|condition| condition.as_bytes() != tag.as_bytes()) {
        return Part::Whole;
    }
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let bounds = match (first.trim(), last.trim()) {
        ("", last) => number(last).map(|n_last| (size.saturating_sub(n_last), size, n_last > 0)),
        (first, "") => number(first).map(|first| (first, size, true)),
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => {
                Some((first, last.saturating_add(1).min(size), true))
            }
            _ => None,
        },
    };
    match bounds {
        None => Part::Whole,
        Some((start, end, is_some)) if is_some && start < end => Part::Range { start, end },
        Some(_) => Part::Unsatisfiable,
    }
}

/// SECURITY: every piece is sent under the permissions of this moment or not at all: then the download breaks off.
fn body(state: AppState, mut caller: Caller, mut file: std::fs::File, range: std::ops::Range<u64>) -> Body {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, io::Error>>(2);
    tokio::spawn(async move {
        let mut at = range.start;
        while at < range.end {
            let n_wanted = (range.end - at).min(CHUNK_BYTES as u64);
            let reading = tokio::task::spawn_blocking(move || {
                let chunk = read(&mut file, at, n_wanted);
                (file, chunk)
            });
            let Ok((back, chunk)) = reading.await else { return };
            file = back;
            let chunk = match caller.still_may(&state).await {
                true => chunk,
                false => Err(io::Error::other("the permission to read this ended")),
            };
            let n_read = chunk.as_ref().map_or(0, Vec::len) as u64;
            let is_end = chunk.is_err() || n_read == 0;
            if sender.send(chunk.map(Bytes::from)).await.is_err() || is_end {
                return;
            }
            at += n_read;
        }
    });
    Body::from_stream(ReceiverStream::new(receiver))
}

fn read(file: &mut std::fs::File, at: u64, n_wanted: u64) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(n_wanted as usize);
    file.seek(SeekFrom::Start(at))?;
    file.by_ref().take(n_wanted).read_to_end(&mut chunk)?;
    match chunk.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it was")),
        false => Ok(chunk),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str, condition: Option<&'static str>) -> Part {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        if let Some(condition) = condition {
            headers.insert(header::IF_RANGE, HeaderValue::from_static(condition));
        }
        part(&headers, "\"t\"", 100)
    }

    #[test]
    fn ranges() {
        let range = |start, end| Part::Range { start, end };
        assert_eq!(asked("bytes=0-9", None), range(0, 10));
        assert_eq!(asked("bytes=90-", None), range(90, 100));
        assert_eq!(asked("bytes=-10", None), range(90, 100));
        assert_eq!(asked("bytes=-1000", None), range(0, 100));
        assert_eq!(asked("bytes=50-1000", None), range(50, 100));
        assert_eq!(asked("bytes=5-", Some("\"t\"")), range(5, 100));
        assert_eq!(asked("bytes=5-", Some("\"other\"")), Part::Whole);
        for whole in ["bytes=9-1", "bytes=a-b", "bytes=1-2,5-6", "lines=1-2", "bytes=", "bytes=-"] {
            assert_eq!(asked(whole, None), Part::Whole, "{whole}");
        }
        for bad in ["bytes=100-", "bytes=-0", "bytes=500-600"] {
            assert_eq!(asked(bad, None), Part::Unsatisfiable, "{bad}");
        }
        assert_eq!(part(&HeaderMap::new(), "\"t\"", 0), Part::Whole);
    }
}
