//! The bytes of a file as they are, so that no browser makes anything of them.

use crate::browse::Content;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::git_access;
use crate::headers::SANDBOX_POLICY;
use crate::images::ImageKind;
use crate::links::percent::encode;
use crate::links::{RepoAddress, query_number, query_value};
use crate::state::AppState;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use git::EntryKind;
use store::Repository;

/// Largest file that is sent: it is held in memory while it is.
const SENT_BYTES_MAX: u64 = 64 << 20;

/// The bytes. SECURITY: text goes out as `text/plain`, everything else as a download; never as what it claims to be.
pub(crate) async fn raw(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let as_image = query_value(query, "as").is_some_and(|kind| kind == b"image");
    let output = query_number(query, "cell").zip(query_number(query, "output")).filter(|_| as_image);
    let name = address.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
    let asked_row = row.clone();
    let content = git_access::read(state, &caller.access, row, move |repository| {
        let spot = repository.locate(&asked_row, &address)?.ok_or(Failure::NotFound)?;
        match spot.kind {
            EntryKind::Tree | EntryKind::Submodule => Err(Failure::NotFound),
            _ => Ok(repository.content(spot.id, SENT_BYTES_MAX)),
        }
    });
    match content.await? {
        Content::Bytes(bytes) => match output {
            Some((cell, output)) => respond_output(bytes, cell, output).await,
            None => respond(bytes, &name, as_image),
        },
        Content::TooLarge(_) => Err(Failure::BadRequest(
            "This file is larger than 64 MiB: clone the repository to get it.".into(),
        )),
        Content::Unreadable => Err(Failure::Internal("a blob cannot be read".into())),
    }
}

fn respond(bytes: Vec<u8>, name: &[u8], as_image: bool) -> Result<Response, Failure> {
    if let Some(kind) = ImageKind::of(&bytes, name).filter(|_| as_image) {
        return respond_image(bytes, name, kind);
    }
    let is_text = std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0'));
    let media_type = if is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    let disposition = disposition(if is_text { "inline" } else { "attachment" }, name);
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX_POLICY));
    let disposition = HeaderValue::from_str(&disposition).map_err(Failure::internal)?;
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

/// An image that stands in a notebook. SECURITY: it is sent as what its first bytes say, like any other.
async fn respond_output(bytes: Vec<u8>, cell: usize, output: usize) -> Result<Response, Failure> {
    let find = move || prose::notebook_image(std::str::from_utf8(&bytes).ok()?, cell, output);
    let image = tokio::task::spawn_blocking(find).await.map_err(Failure::internal)?;
    let (_, image) = image.ok_or(Failure::NotFound)?;
    let kind = ImageKind::of(&image, b"output").ok_or(Failure::NotFound)?;
    respond_image(image, b"output", kind)
}

/// An image for the pages that show it. Opened by its address, a drawing is a download.
fn respond_image(bytes: Vec<u8>, name: &[u8], kind: ImageKind) -> Result<Response, Failure> {
    let disposition = disposition(if kind.is_drawing() { "attachment" } else { "inline" }, name);
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind.media_type());
    headers.insert(header::CONTENT_SECURITY_POLICY, kind.policy());
    let disposition = HeaderValue::from_str(&disposition).map_err(Failure::internal)?;
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

/// RFC 6266: the name twice, as plain ASCII for old clients and percent-encoded. Neither can hold a quote or a line end.
fn disposition(kind: &str, name: &[u8]) -> String {
    let plain =
        |byte: &u8| if byte.is_ascii_alphanumeric() || b"._- ".contains(byte) { *byte as char } else { '_' };
    let ascii: String = name.iter().map(plain).collect();
    format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''{}", encode(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_in_their_place() {
        assert_eq!(
            disposition("inline", b"a\"; x=\r\nSet-Cookie: a/\xff.html"),
            "inline; filename=\"a__ x___Set-Cookie_ a__.html\"; \
             filename*=UTF-8''a%22%3B%20x%3D%0D%0ASet-Cookie%3A%20a/%FF.html"
        );
    }

    #[test]
    fn nothing_is_sent_as_what_it_claims_to_be() {
        for (bytes, media_type, disposition, as_image) in [
            (&b"<html><script>"[..], "text/plain; charset=utf-8", "inline", false),
            (b"<html><svg onload=x>", "text/plain; charset=utf-8", "inline", true),
            (b"%PDF-\xff", "application/octet-stream", "attachment", true),
            (b"a\0b", "application/octet-stream", "attachment", false),
            (b"\xff\xd8\xff", "application/octet-stream", "attachment", false),
            (b"\xff\xd8\xff", "image/jpeg", "inline", true),
        ] {
            let response = respond(bytes.to_vec(), b"x.html", as_image).unwrap();
            assert_eq!(response.headers()[header::CONTENT_TYPE], media_type);
            assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], SANDBOX_POLICY);
            let sent = response.headers()[header::CONTENT_DISPOSITION].to_str().unwrap();
            assert!(sent.starts_with(disposition), "{sent}");
        }
    }

    #[test]
    fn drawings_are_images_in_a_sandbox_and_nothing_else() {
        let drawing = b"<svg xmlns='http://www.w3.org/2000/svg'><script>x</script></svg>";
        let response = respond(drawing.to_vec(), b"a.svg", true).unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "image/svg+xml");
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && policy.ends_with("; sandbox"), "{policy}");
        assert!(!policy.contains("script"), "{policy}");
        let sent = response.headers()[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert!(sent.starts_with("attachment"), "{sent}");
        let response = respond(drawing.to_vec(), b"a.svg", false).unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    }
}
