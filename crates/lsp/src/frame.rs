//! Messages on a pipe: `Content-Length` headers and JSON, within bounds.

use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Most bytes of all headers of one message. What editors send has some fifty.
const HEADERS_BYTES_MAX: u64 = 4 << 10;
/// Most bytes of one message. The largest ones carry a whole text.
pub(crate) const MESSAGE_BYTES_MAX: u64 = 16 << 20;

/// What was read.
#[derive(Debug, PartialEq)]
pub(crate) enum Framed {
    /// JSON, whatever it means.
    Message(Value),
    /// Bytes that are no JSON.
    NotJson,
    /// More than a message may have; it was passed over.
    TooLarge,
    /// The other side is gone.
    End,
}

/// Why nothing can be read any more.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// It is not known where the next message begins.
    #[error("what the editor sends is not the Language Server Protocol ({what})")]
    NotProtocol {
        /// What is wrong.
        what: &'static str,
    },
    /// The pipe is broken.
    #[error("the editor's pipe cannot be used: {0}")]
    Io(#[from] std::io::Error),
}

/// Reads the next message.
pub(crate) async fn read(input: &mut (impl AsyncBufRead + Unpin)) -> Result<Framed, FrameError> {
    let Some(n_bytes) = headers(input).await? else { return Ok(Framed::End) };
    if n_bytes > MESSAGE_BYTES_MAX {
        let mut left = input.take(n_bytes);
        let passed = tokio::io::copy(&mut left, &mut tokio::io::sink()).await?;
        return Ok(if passed < n_bytes { Framed::End } else { Framed::TooLarge });
    }
    let mut body = Vec::new();
    // Memory grows with what comes, not with what was announced.
    input.take(n_bytes).read_to_end(&mut body).await?;
    if (body.len() as u64) < n_bytes {
        return Ok(Framed::End);
    }
    Ok(serde_json::from_slice(&body).map_or(Framed::NotJson, Framed::Message))
}

/// The length that the headers announce; `None` at the end.
async fn headers(input: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<u64>, FrameError> {
    let wrong = |what| FrameError::NotProtocol { what };
    let (mut length, mut left) = (None, HEADERS_BYTES_MAX);
    loop {
        let mut line = Vec::new();
        let n_bytes = input.take(left).read_until(b'\n', &mut line).await? as u64;
        if n_bytes == 0 && left == HEADERS_BYTES_MAX {
            return Ok(None);
        }
        left -= n_bytes;
        if !line.ends_with(b"\n") {
            return Err(wrong(if left == 0 { "its headers are too long" } else { "it ends in a header" }));
        }
        let line = std::str::from_utf8(&line).map_err(|_| wrong("a header is not text"))?.trim();
        if line.is_empty() {
            return length.map(Some).ok_or_else(|| wrong("there is no Content-Length"));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("a header has no value"))?;
        if name.trim().eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse().map_err(|_| wrong("Content-Length is no number"))?);
        }
    }
}

/// Writes a message.
pub(crate) async fn write(output: &mut (impl AsyncWrite + Unpin), message: &Value) -> std::io::Result<()> {
    let body = message.to_string();
    output.write_all(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    output.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn all(bytes: &[u8]) -> (Vec<Framed>, Option<FrameError>) {
        let mut input = tokio::io::BufReader::new(bytes);
        let mut found = Vec::new();
        loop {
            match read(&mut input).await {
                Ok(Framed::End) => return (found, None),
                Ok(framed) => found.push(framed),
                Err(error) => return (found, Some(error)),
            }
        }
    }

    #[tokio::test]
    async fn messages_within_bounds() {
        let two = b"Content-Length: 2\r\n\r\n{}content-length:3\r\nContent-Type: x\r\n\r\n[1]";
        let (found, error) = all(two).await;
        assert_eq!(found, [Framed::Message(json!({})), Framed::Message(json!([1]))]);
        assert!(error.is_none());
        assert_eq!(all(b"Content-Length: 3\r\n\r\n{{{").await.0, [Framed::NotJson]);
        let mut large = format!("Content-Length: {}\r\n\r\n", MESSAGE_BYTES_MAX + 1).into_bytes();
        large.resize(large.len() + MESSAGE_BYTES_MAX as usize + 1, b' ');
        large.extend_from_slice(b"Content-Length: 2\r\n\r\n{}");
        assert_eq!(all(&large).await.0, [Framed::TooLarge, Framed::Message(json!({}))]);
        // Announced and never sent: it is no memory, and the end.
        for cut in ["Content-Length: 18446744073709551615\r\n\r\n{}", "Content-Length: 9\r\n\r\n{}"] {
            assert!(all(cut.as_bytes()).await.1.is_none(), "{cut}");
        }
        let deep = format!("Content-Length: 100000\r\n\r\n{}", "[".repeat(100_000));
        assert_eq!(all(deep.as_bytes()).await.0, [Framed::NotJson]);
    }

    #[tokio::test]
    async fn what_is_no_protocol_ends_it() {
        let long = "x".repeat(10_000);
        for wrong in
            ["Content-Length: -1\r\n\r\n", "Content-Length: 1e9\r\n\r\n", "\r\n", "hello\r\n", &long, "A: b"]
        {
            let (found, error) = all(wrong.as_bytes()).await;
            assert!(found.is_empty() && error.is_some(), "{wrong:.20}");
        }
    }
}
