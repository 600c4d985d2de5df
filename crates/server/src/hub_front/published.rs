//! Feeds in memory: read from the database when their numbers change, so that a file costs one small question.

use axum::body::Bytes;
use hub::{Desk, FeedHead, FeedKind, bundle};
use std::sync::{Arc, Mutex, PoisonError};
use store::Fault;

/// Feeds as they are handed out.
#[derive(Default)]
pub(super) struct Published(Mutex<Option<Known>>);

type Known = (Vec<(String, u64)>, Arc<PublishedNow>);

/// All of it.
pub(super) struct PublishedNow {
    /// By kind.
    pub(super) feeds: Vec<PublishedFeed>,
    /// In one file.
    pub(super) bundle: Bytes,
}

/// One of them.
pub(super) struct PublishedFeed {
    /// What it is about.
    pub(super) kind: FeedKind,
    /// What its note says.
    pub(super) head: FeedHead,
    /// Its note.
    pub(super) note: Bytes,
    /// Its file.
    pub(super) body: Bytes,
}

impl Published {
    /// What is published now.
    pub(super) async fn now(&self, desk: &Desk) -> Result<Arc<PublishedNow>, Fault> {
        let numbers = desk.feed_numbers().await?;
        if let Some((known, published)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && *known == numbers
        {
            return Ok(Arc::clone(published));
        }
        let (mut feeds, mut bundled) = (Vec::new(), Vec::new());
        for kind in FeedKind::ALL {
            let Some(feed) = desk.feed(kind).await? else { continue };
            // What this hub did not sign (another key is in the data directory) is not handed out.
            let Ok(head) = FeedHead::open(desk.key(), kind, &feed.note) else { continue };
            let (note, body) = (feed.note.0.clone().into(), feed.body.clone().into());
            feeds.push(PublishedFeed { kind, head, note, body });
            bundled.push(feed);
        }
        let published = Arc::new(PublishedNow { feeds, bundle: bundle(&bundled).into() });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((numbers, Arc::clone(&published)));
        Ok(published)
    }
}
