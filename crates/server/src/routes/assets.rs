//! `/assets/…`: style, modules, icons. Open to all: they are the same in every installation.

use crate::assets::{DIGEST, find};
use crate::failure::Failure;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// One asset. Under today's digest it never changes; under another it must be asked for again.
pub(crate) async fn asset(Path((digest, name)): Path<(String, String)>) -> Result<Response, Failure> {
    let (file, media_type) = find(&name).ok_or(Failure::NotFound)?;
    let keep = match digest == *DIGEST {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let mut response = file.data.into_owned().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    Ok(response)
}
