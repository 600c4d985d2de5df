//! What the server shows of a repository that is planted for this: to who may read it, to who may read a part of it, and to
//! who may not; before, after and while rights are taken away.

use super::doors::{self, About};
use super::garden::{Garden, READER, SETTLED_WITHIN, cannot, must};
use super::shown::{TOKEN_LASTS, token};
use super::{Setup, VerifyError, counted, letters};
use crate::Watch;
use crate::live::{Answer, Question};
use crate::report::{Check, Part};
use access::{AccountId, HostId, Reader, RepoScope, Role, Scope, Timestamp, Verbs};
use http::StatusCode;
use model::{PathRule, RepoSet};
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use store::{AuditFilter, LinkError, NewToken, PathRulesError, RulesFor};

/// A code host that is none.
pub(super) const HOST: &str = "verification";

/// How long the server may take to index what is planted; it may have other work.
const INDEXED_WITHIN: Duration = Duration::from_secs(120);
/// How long its history may take; without it commits are not asked for with a control.
const HISTORY_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);
/// How often a right is given and taken.
const N_REVOCATIONS: usize = 25;
/// How old a statement of the host that is none may be.
const STALE_AFTER: Duration = Duration::from_secs(3);
/// A network for documentation (RFC 5737): nobody asks from there.
const ELSEWHERE: &str = "203.0.113.0/24";

/// What was found, and what the log must tell of it.
pub(super) struct Planted {
    pub(super) part: Part,
    pub(super) n_readings: u64,
    since: Timestamp,
}

/// How many times the log tells that the planted file was fetched by its reader.
pub(super) async fn readings_in_log(setup: &Setup<'_>, planted: &Planted) -> Result<u64, VerifyError> {
    let filter = AuditFilter {
        actor: READER.to_owned(),
        act: "code.raw".to_owned(),
        from: Some(planted.since),
        ..AuditFilter::default()
    };
    let (mut before, mut n_found) = (None, 0);
    loop {
        let entries = setup.store.audit_entries(&filter, before, 200).await?;
        n_found += entries.len() as u64;
        match entries.last() {
            Some(last) => before = Some(last.seq),
            None => return Ok(n_found),
        }
    }
}

/// Plants, asks, takes rights away, asks again.
pub(super) async fn look(setup: &Setup<'_>, watch: Watch<'_>) -> Result<Planted, VerifyError> {
    let since = setup.clock.now();
    watch("planting a repository", 0, 0);
    let mut garden = Garden::plant(setup).await?;
    let mut checks = Vec::new();
    let indexed = garden.wait_until_indexed(watch).await?;
    let is_indexed = indexed.verdict == crate::Verdict::Held;
    checks.push(indexed);
    if is_indexed {
        watch("asking as who may read it", 0, 0);
        checks.push(garden.reader_sees().await?);
        watch("asking as a stranger", 0, 0);
        checks.push(garden.stranger_sees_nothing().await?);
        checks.push(garden.nobody_sees_nothing().await?);
        watch("asking as who may read a part", 0, 0);
        checks.push(garden.a_part_is_all_there_is().await?);
        watch("asking with narrow tokens", 0, 0);
        checks.push(garden.tokens_narrow().await?);
        checks.push(garden.roles_read_nothing().await?);
        watch("taking rights away", 0, 0);
        checks.push(garden.revocations_are_at_once().await?);
        watch("letting a statement grow old", 0, 0);
        checks.push(garden.what_is_old_denies().await?);
        watch("shutting an account", 0, 0);
        checks.push(garden.who_is_shut_out_is_out().await?);
    }
    let part = Part {
        title: "What is shown of a planted repository".to_owned(),
        method: "A repository with words that stand nowhere else is planted and indexed by the server. Three accounts that were made for \
                 this ask for it at every door; what the stranger hears must be, byte for byte, what they hear of a name that does not \
                 exist. Times that answers tell are left out of the comparison."
            .to_owned(),
        checks,
    };
    Ok(Planted { part, n_readings: garden.n_readings, since })
}

impl Garden<'_> {
    async fn wait_until_indexed(&mut self, watch: Watch<'_>) -> Result<Check, VerifyError> {
        let mut check = Check::new(
            "planted.indexed",
            "The server indexes the planted repository: it is the server of this data directory.",
        );
        let since = Instant::now();
        let is_found =
            |answer: &Answer, secret: &str| answer.status == StatusCode::OK && answer.tells(secret);
        loop {
            let answer = self.ask(&self.search(""), &self.reader).await?;
            if is_found(&answer, &self.secret) {
                break;
            }
            if since.elapsed() > INDEXED_WITHIN {
                let seconds = INDEXED_WITHIN.as_secs();
                check.leave_open(format!(
                    "it was not found within {seconds} s (status {}): is this the server of this data directory, and does it index?",
                    answer.status.as_u16()
                ));
                return Ok(check);
            }
            watch("waiting until it is indexed", since.elapsed().as_secs(), INDEXED_WITHIN.as_secs());
            tokio::time::sleep(PAUSE).await;
        }
        let found_after = since.elapsed();
        let begin = Instant::now();
        let mut has_history = false;
        while !has_history && begin.elapsed() < HISTORY_WITHIN {
            watch("waiting for its history", begin.elapsed().as_secs(), HISTORY_WITHIN.as_secs());
            has_history = self.ask(&self.search("type:commit "), &self.reader).await?.tells(&self.secret);
            if !has_history {
                tokio::time::sleep(PAUSE).await;
            }
        }
        let history = if has_history {
            "with its history"
        } else {
            "its history was not there in time: commits were asked for without a control"
        };
        Ok(check.measured(format!("found after {:.1} s, {history}", found_after.as_secs_f64())))
    }

    /// The positive control.
    async fn reader_sees(&mut self) -> Result<Check, VerifyError> {
        let mut check = Check::new(
            "planted.reader",
            "Who may read it is shown it: pages, searches, files, and the interfaces of other clients.",
        );
        let (mut n_asked, mut n_showing) = (0, 0);
        for question in doors::questions(&self.whole) {
            let answer = self.ask(&question, &self.reader).await?;
            n_asked += 1;
            n_showing += u64::from(answer.tells(&self.secret));
            let must = ["/-/raw/", "/-/file/", "/-/blob/"].iter().any(|door| question.target.contains(door))
                || question.target.ends_with(&format!("?q={}", self.whole.word))
                || (question.target == "/mcp" && question.body.contains("read_file"))
                || (question.target == "/.api/graphql" && question.body.contains("file(path"));
            if must && !answer.tells(&self.secret) {
                check.fail(format!(
                    "{} does not show it (status {})",
                    question.route(),
                    answer.status.as_u16()
                ));
            }
            self.count_reading(&question, &answer);
        }
        Ok(check.measured(format!("{n_asked} questions, {n_showing} answers hold its text")))
    }

    fn count_reading(&mut self, question: &Question, answer: &Answer) {
        let is_raw = question.target.starts_with("/api/") && question.target.contains("/-/raw/");
        self.n_readings += u64::from(is_raw && answer.status == StatusCode::OK);
    }

    async fn stranger_sees_nothing(&mut self) -> Result<Check, VerifyError> {
        let mut check = Check::new(
            "planted.stranger",
            "Who may not read it hears what they hear of a name that does not exist.",
        );
        let n_pairs = self.is_unknown(&mut check, Some(&self.stranger.token)).await?;
        Ok(check
            .measured(format!("{n_pairs} pairs of questions, each just after its reader had asked the same")))
    }

    async fn nobody_sees_nothing(&mut self) -> Result<Check, VerifyError> {
        let mut check = Check::new("planted.nobody", "Who is not signed in hears nothing of it.");
        let n_pairs = self.is_unknown(&mut check, None).await?;
        Ok(check.measured(format!("{n_pairs} pairs of questions")))
    }

    async fn a_part_is_all_there_is(&mut self) -> Result<Check, VerifyError> {
        let mut check = Check::new(
            "planted.part",
            "Whom path rules leave a part of it hears of the rest what they hear of a path that does not exist.",
        );
        self.grant(self.part.id).await?;
        let rules = [PathRule::allow("README.md")];
        let set =
            self.setup.store.set_path_rules(self.repo, &RulesFor::User(self.part.id), Some(&rules)).await;
        set.map_err(|error| match error {
            PathRulesError::Fault(fault) => fault.into(),
            error => cannot(error),
        })?;
        let raw = Question::get(format!("/api/v1/repos/{}/-/raw/README.md", self.whole.repo));
        let answer = self.ask(&raw, &self.part).await?;
        if !answer.tells(&self.secret) {
            check.fail(format!("the part that is left is not shown (status {})", answer.status.as_u16()));
        }
        let instead = About {
            repo: self.inner.repo.clone(),
            path: format!("inner/{}.txt", letters(self.setup, 12)?),
            word: letters(self.setup, self.inner.word.len())?,
        };
        let about = (&self.inner, &instead);
        let n_pairs = self.compare(&mut check, Some(&self.part.token), about, &[&self.inner_secret]).await?;
        Ok(check.measured(format!("{n_pairs} pairs of questions")))
    }

    async fn tokens_narrow(&mut self) -> Result<Check, VerifyError> {
        let mut check = Check::new(
            "planted.tokens",
            "A token reads no more than its repositories, verbs, networks and time allow, whoever it belongs to.",
        );
        let none = RepoScope::Only(BTreeSet::new());
        let (narrow, id) = must(token(self.setup, self.reader.id, Verbs::READ, none).await?)?;
        let n_pairs = self.is_unknown(&mut check, Some(&narrow)).await?;
        self.setup.store.revoke_token(self.reader.id, &id).await?;
        let refused = [
            ("revoked", narrow),
            ("of another network", self.elsewhere().await?),
            ("expired", self.expired().await?),
        ];
        for (what, token) in &refused {
            let answer = self.setup.server.ask(&self.itself(), Some(token)).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                check.fail(format!(
                    "a token that is {what} is answered with status {}",
                    answer.status.as_u16()
                ));
            }
        }
        Ok(check.measured(format!(
            "{n_pairs} pairs of questions with a token for other repositories, {} refused tokens",
            refused.len()
        )))
    }

    async fn elsewhere(&self) -> Result<SecretString, VerifyError> {
        let addresses = vec![ELSEWHERE.parse().map_err(cannot)?];
        self.token_of(Scope {
            addresses,
            expires_at: Some(self.setup.clock.now().plus(TOKEN_LASTS)),
            ..Scope::FULL
        })
        .await
    }

    async fn expired(&self) -> Result<SecretString, VerifyError> {
        let lasts = Duration::from_secs(1);
        let expires_at = Some(self.setup.clock.now().plus(lasts));
        let token = self.token_of(Scope { expires_at, ..Scope::FULL }).await?;
        tokio::time::sleep(lasts + PAUSE).await;
        Ok(token)
    }

    async fn token_of(&self, scope: Scope) -> Result<SecretString, VerifyError> {
        let scope = Scope { verbs: Verbs::READ, ..scope };
        let new = NewToken { user: self.reader.id, label: "verification of permissions".to_owned(), scope };
        let (token, _) = self.setup.store.create_token(new).await.map_err(cannot)?;
        Ok(SecretString::from(token.reveal().to_owned()))
    }

    async fn roles_read_nothing(&mut self) -> Result<Check, VerifyError> {
        let mut check =
            Check::new("planted.roles", "No administrator, auditor or other role reads it without a grant.");
        let (mut after, mut n_roles) = (None, 0u64);
        loop {
            let users = self.setup.store.users(after.as_ref(), 500).await?;
            let Some(last) = users.last() else { break };
            after = Some(last.name.clone());
            for user in users.iter().filter(|user| user.role != Role::Member) {
                n_roles += 1;
                let (reasons, _) = self.setup.store.reasons_of(user.id, self.repo).await?;
                let access = self.setup.store.access_set(&super::rights::actor_of(user)).await?;
                if access.allows(self.repo) || !reasons.is_empty() {
                    check.fail(format!("{} may read it", user.name));
                }
            }
        }
        Ok(check.measured(counted(n_roles, "account with a role", "accounts with a role")))
    }

    async fn revocations_are_at_once(&mut self) -> Result<Check, VerifyError> {
        let mut check = Check::new(
            "planted.revoked",
            "When a revocation is acknowledged, nothing shows the thing any more: no answer that was kept, no list, no page.",
        );
        let store = self.setup.store;
        let mut took = Vec::new();
        for round in 0..N_REVOCATIONS {
            self.grant(self.stranger.id).await?;
            // What is asked while it may be read is kept for a while by the server.
            let questions = match round + 1 == N_REVOCATIONS {
                true => doors::questions(&self.whole),
                false => vec![self.itself(), self.search("")],
            };
            let mut n_shown = 0;
            for question in &questions {
                n_shown += u64::from(self.ask(question, &self.stranger).await?.tells(&self.secret));
            }
            if n_shown == 0 {
                check.fail("what was granted was not shown");
            }
            let since = Instant::now();
            let epoch = store.revoke(self.repo, self.stranger.id).await?;
            let is_settled = store.settled(epoch, SETTLED_WITHIN).await?;
            took.push(since.elapsed());
            if !is_settled {
                check.fail(format!("it was not acknowledged within {} s", SETTLED_WITHIN.as_secs()));
            }
            let after = self.ask(&self.itself(), &self.stranger).await?;
            if after.status != StatusCode::NOT_FOUND {
                check.fail(format!("just after, it is answered with status {}", after.status.as_u16()));
            }
        }
        let n_pairs = self.is_unknown(&mut check, Some(&self.stranger.token)).await?;
        took.sort();
        let ms = |part: usize| {
            took.get((took.len() * part / 100).min(took.len() - 1))
                .map_or(0.0, |took| took.as_secs_f64() * 1e3)
        };
        Ok(check.measured(format!(
            "{} revocations, acknowledged after {:.0} ms in the middle and {:.0} ms at most; {n_pairs} pairs of questions after the last",
            took.len(),
            ms(50),
            ms(100)
        )))
    }

    async fn what_is_old_denies(&mut self) -> Result<Check, VerifyError> {
        let mut check = Check::new(
            "planted.old",
            "What a code host said too long ago lets nobody read, and what it said is forgotten with it.",
        );
        let store = self.setup.store;
        let host = HostId(HOST.to_owned());
        let account = AccountId::new("stranger").ok_or_else(|| cannot("no account"))?;
        store.set_permission_source(&host, STALE_AFTER).await?;
        match store.link_identity(&host, &account, self.stranger.id, "stranger").await {
            Err(LinkError::Fault(fault)) => return Err(fault.into()),
            linked => linked.map_err(cannot)?,
        }
        let repos: RepoSet = std::iter::once(self.repo).collect();
        let reader = Reader::Account(account);
        store.apply_account_repositories(&host, &reader, &repos, self.setup.clock.now()).await?;
        let fresh = self.status(&self.stranger).await?;
        if fresh != StatusCode::OK {
            check.fail(format!("a fresh statement does not count: status {}", fresh.as_u16()));
        }
        tokio::time::sleep(STALE_AFTER + PAUSE).await;
        let n_pairs = self.is_unknown(&mut check, Some(&self.stranger.token)).await?;
        store.apply_account_repositories(&host, &reader, &repos, self.setup.clock.now()).await?;
        let again = self.status(&self.stranger).await?;
        if again != StatusCode::OK {
            check.fail(format!("a statement that was read again does not count: status {}", again.as_u16()));
        }
        store.remove_permission_source(&host).await?;
        self.settled(&mut check).await?;
        let gone = self.status(&self.stranger).await?;
        if gone != StatusCode::NOT_FOUND {
            check.fail(format!("what a host that is gone said still counts: status {}", gone.as_u16()));
        }
        Ok(check.measured(format!(
            "{n_pairs} pairs of questions {} s after the statement",
            STALE_AFTER.as_secs()
        )))
    }

    async fn who_is_shut_out_is_out(&mut self) -> Result<Check, VerifyError> {
        let mut check =
            Check::new("planted.shut", "An account that is shut is out at once, with every token it has.");
        let raw = Question::get(format!("/api/v1/repos/{}/-/raw/README.md", self.whole.repo));
        let before = self.ask(&raw, &self.reader).await?;
        self.count_reading(&raw, &before);
        if before.status != StatusCode::OK {
            check.fail(format!("before, it was answered with status {}", before.status.as_u16()));
        }
        self.setup.store.set_disabled(self.reader.id, true).await.map_err(cannot)?;
        self.settled(&mut check).await?;
        let after = self.ask(&raw, &self.reader).await?;
        if after.status != StatusCode::UNAUTHORIZED {
            check.fail(format!("after, it is answered with status {}", after.status.as_u16()));
        }
        Ok(check.measured("2 questions"))
    }
}
