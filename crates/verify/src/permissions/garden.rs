//! The repository that is planted, who asks for it, and how what they hear is compared.

use super::doors::{self, About};
use super::shown::token;
use super::{Setup, VerifyError, letters};
use crate::live::{Answer, Question};
use crate::report::Check;
use access::{RepoScope, UserName, Verbs};
use git::Planting;
use http::StatusCode;
use model::{RepoId, RepoName, UserId};
use secrecy::SecretString;
use std::time::Duration;
use store::{Adder, ChangeUserError, CreateUserError, GrantError, NewRepository, Source, Visibility};

/// What the names of planted repositories begin with.
pub(super) const PREFIX: &str = "sourcekeep-verification/";
/// How long a revocation may take to be acknowledged.
pub(super) const SETTLED_WITHIN: Duration = Duration::from_secs(15);
pub(super) const READER: &str = "verify-reader";
const PART: &str = "verify-part";
const STRANGER: &str = "verify-stranger";
/// Something may change between two questions: what differs is asked again.
const N_ATTEMPTS: usize = 3;

/// The accounts of proofs. They stay, shut.
pub(super) fn accounts() -> Vec<UserName> {
    [READER, PART, STRANGER].iter().filter_map(|name| UserName::new(name).ok()).collect()
}

pub(super) struct Account {
    pub(super) id: UserId,
    pub(super) token: SecretString,
}

pub(super) struct Garden<'a> {
    pub(super) setup: &'a Setup<'a>,
    pub(super) repo: RepoId,
    pub(super) whole: About,
    /// A word beside the one that is asked for, which nobody ever sends.
    pub(super) secret: String,
    pub(super) inner: About,
    pub(super) inner_secret: String,
    pub(super) reader: Account,
    pub(super) part: Account,
    pub(super) stranger: Account,
    pub(super) n_readings: u64,
}

pub(super) fn cannot(error: impl std::fmt::Display) -> VerifyError {
    VerifyError::Plant { reason: error.to_string() }
}

impl<'a> Garden<'a> {
    pub(super) async fn plant(setup: &'a Setup<'a>) -> Result<Garden<'a>, VerifyError> {
        let reader = account(setup, READER).await?;
        let part = account(setup, PART).await?;
        let stranger = account(setup, STRANGER).await?;
        let id = letters(setup, 16)?;
        let words: Vec<String> = (0..4).map(|_| letters(setup, 20)).collect::<Result<_, _>>()?;
        let inner_path = format!("inner/{}.txt", letters(setup, 12)?);
        let [word, secret, inner_word, inner_secret] = &words[..] else { return Err(cannot("no words")) };
        let file = |path: &str, text: String| (path.to_owned(), text);
        let planting = Planting {
            files: vec![
                file("README.md", format!("{word} {secret}\n")),
                file("src/planted.rs", format!("pub fn {word}() {{}} // {secret}\n")),
                file(&inner_path, format!("{inner_word} {inner_secret}\n")),
            ],
            message: format!("{word} {secret}\n"),
            author: (secret.clone(), format!("{secret}@example.org")),
            at_seconds: setup.clock.now().0 / 1000,
        };
        let dir = setup.scratch.join(format!("{id}.git"));
        std::fs::create_dir_all(&setup.scratch).map_err(cannot)?;
        git::plant(&dir, &planting).map_err(cannot)?;
        let name = RepoName::new(format!("{PREFIX}{id}")).map_err(cannot)?;
        let new = NewRepository {
            names: vec![name.clone()],
            source: Source::Local(dir),
            visibility: Visibility::Private,
            unrestricted: false,
            fork: false,
            archived: false,
        };
        let added = setup.store.add_repository(new, Adder::User(reader.id)).await.map_err(cannot)?;
        mirror::queue(setup.store, std::slice::from_ref(&added.repository)).await?;
        let about = |path: &str, word: &str| About {
            repo: name.as_str().to_owned(),
            path: path.to_owned(),
            word: word.to_owned(),
        };
        Ok(Garden {
            setup,
            repo: added.repository.id,
            whole: about("README.md", word),
            secret: secret.clone(),
            inner: about(&inner_path, inner_word),
            inner_secret: inner_secret.clone(),
            reader,
            part,
            stranger,
            n_readings: 0,
        })
    }

    pub(super) async fn ask(&self, question: &Question, who: &Account) -> Result<Answer, VerifyError> {
        Ok(self.setup.server.ask(question, Some(&who.token)).await?)
    }

    /// The repository itself, in JSON.
    pub(super) fn itself(&self) -> Question {
        Question::get(format!("/api/v1/repos/{}", self.whole.repo))
    }

    pub(super) async fn status(&self, who: &Account) -> Result<StatusCode, VerifyError> {
        Ok(self.ask(&self.itself(), who).await?.status)
    }

    pub(super) fn search(&self, filter: &str) -> Question {
        let query = format!("repo:^{}$ {filter}{}", self.whole.repo, self.whole.word);
        Question::get(format!("/api/v1/search?q={}", crate::live::in_address(&query)))
    }

    /// Asks about something and about nothing; what differs is found.
    pub(super) async fn compare(
        &self,
        check: &mut Check,
        token: Option<&SecretString>,
        about: (&About, &About),
        secrets: &[&str],
    ) -> Result<u64, VerifyError> {
        let (asked, instead) = about;
        let server = self.setup.server;
        let mut n_pairs = 0;
        for (question, control) in doors::questions(asked).into_iter().zip(doors::questions(instead)) {
            n_pairs += 1;
            let mut difference = None;
            for _ in 0..N_ATTEMPTS {
                let answer = server.ask(&question, token).await?;
                let expected = server.ask(&control, token).await?;
                if let Some(secret) = secrets.iter().find(|secret| answer.tells(secret)) {
                    let n = secret.len();
                    difference =
                        Some(format!("it shows a word of {n} letters that stands in the hidden text alone"));
                    break;
                }
                let answer = answer.about(&asked.repo, &instead.repo).about(&asked.word, &instead.word);
                difference = answer.about(stem(&asked.path), stem(&instead.path)).difference(&expected);
                if difference.is_none() {
                    break;
                }
            }
            if let Some(difference) = difference {
                check.fail(format!("{}: {difference}", question.route()));
            }
        }
        Ok(n_pairs)
    }

    /// The same with another name and another word.
    pub(super) fn instead(&self) -> Result<About, VerifyError> {
        Ok(About {
            repo: doors::unlike(self.setup, &self.whole.repo)?,
            path: self.whole.path.clone(),
            word: letters(self.setup, self.whole.word.len())?,
        })
    }

    /// Nothing is heard of it with this token, or without one.
    pub(super) async fn is_unknown(
        &self,
        check: &mut Check,
        token: Option<&SecretString>,
    ) -> Result<u64, VerifyError> {
        let instead = self.instead()?;
        let secrets = [self.secret.as_str(), self.inner_secret.as_str()];
        self.compare(check, token, (&self.whole, &instead), &secrets).await
    }

    pub(super) async fn grant(&self, user: UserId) -> Result<(), VerifyError> {
        match self.setup.store.grant(self.repo, user).await {
            Err(GrantError::Fault(fault)) => Err(fault.into()),
            Err(error) => Err(cannot(error)),
            Ok(_) => Ok(()),
        }
    }

    pub(super) async fn settled(&self, check: &mut Check) -> Result<(), VerifyError> {
        let epoch = self.setup.store.epoch().await?;
        if !self.setup.store.settled(epoch, SETTLED_WITHIN).await? {
            check.fail(format!("it was not acknowledged within {} s", SETTLED_WITHIN.as_secs()));
        }
        Ok(())
    }
}

/// An account of the proof, opened, with a token.
async fn account(setup: &Setup<'_>, name: &str) -> Result<Account, VerifyError> {
    let name = UserName::new(name).map_err(cannot)?;
    let id = match setup.store.service_account(&name).await? {
        Some(known) => {
            match setup.store.set_disabled(known.id, false).await {
                Err(ChangeUserError::Fault(fault)) => return Err(fault.into()),
                opened => opened.map_err(cannot)?,
            }
            known.id
        }
        None => match setup.store.create_service_account(&name).await {
            Err(CreateUserError::Fault(fault)) => return Err(fault.into()),
            created => created.map_err(cannot)?,
        },
    };
    let (token, _) = must(token(setup, id, Verbs::READ, RepoScope::All).await?)?;
    Ok(Account { id, token })
}

/// What makes a path unlike others: the rest is written in several ways, with its dots and slashes.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}

pub(super) fn must<T>(made: Option<T>) -> Result<T, VerifyError> {
    made.ok_or_else(|| cannot("the accounts of the proof take no token: revoke some of those they have"))
}
