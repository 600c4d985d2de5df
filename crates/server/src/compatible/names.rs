//! What names mean, as programs that write code ask it: the answers of the interface for programs, word for word.

use super::CallerBackend;
use super::backend::told;
use crate::browse;
use crate::failure::Failure;
use crate::links::{RepoAddress, percent};
use crate::routes::r_nav;
use mcp::{NameQuestion, Names, NamesAnswer};
use serde_json::Value;

impl Names for CallerBackend {
    fn ask(&self, question: NameQuestion) -> NamesAnswer<'_> {
        Box::pin(async move {
            match self.names(question).await {
                Ok(found) => Ok(Some(found)),
                Err(Failure::NotFound) => Ok(None),
                Err(failure) => Err(told(failure)),
            }
        })
    }
}

impl CallerBackend {
    async fn names(&self, question: NameQuestion) -> Result<Value, Failure> {
        let address = RepoAddress {
            repo: question.repo,
            rev: question.revision.filter(|rev| !rev.is_empty()),
            page: question.resource.to_owned(),
            path: question.path.into_bytes(),
        };
        let pairs = question
            .parameters
            .iter()
            .map(|(key, value)| format!("{key}={}", percent::encode(value.as_bytes())));
        let query = pairs.collect::<Vec<_>>().join("&");
        let row = browse::row(&self.state, &self.caller, &address).await?;
        let text = r_nav::told(&self.state, &self.caller, &row, address, Some(&query)).await?;
        serde_json::from_str(&text).map_err(Failure::internal)
    }
}
