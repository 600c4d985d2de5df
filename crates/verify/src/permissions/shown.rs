//! What the server shows people, against their rights.

use super::doors::{self, About};
use super::rights::{Everybody, Person};
use super::{Setup, VerifyError, draw};
use crate::Watch;
use crate::live::Question;
use crate::report::{Check, Part};
use access::{RepoScope, Scope, TokenId, Verbs};
use http::StatusCode;
use ipnet::IpNet;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use store::{CreateTokenError, NewToken};

/// How long the tokens of a proof last, should nobody be there to revoke them.
pub(super) const TOKEN_LASTS: Duration = Duration::from_secs(15 * 60);
/// Hidden and readable repositories that are asked for by name, of each person.
const N_HIDDEN: usize = 3;
const N_READABLE: usize = 3;
/// Something may change between two questions: what differs is asked again.
const N_ATTEMPTS: usize = 3;

/// Asks the server what some people see.
pub(super) async fn look(
    setup: &Setup<'_>,
    everybody: &Everybody,
    watch: Watch<'_>,
) -> Result<Part, VerifyError> {
    let mut work = Work {
        setup,
        everybody,
        list: Check::new("shown.list", "The server lists for each person exactly what they may read."),
        hidden: Check::new(
            "shown.hidden",
            "What a person may not read is answered as what does not exist, by every door that takes its name: status, headers and body.",
        ),
        readable: Check::new("shown.readable", "What a person may read is there."),
        n_asked: 0,
        n_listed: 0,
        n_hidden: 0,
        n_readable: 0,
        n_unproven: 0,
    };
    let chosen = draw(setup, everybody.people.len(), setup.n_people)?;
    for (n_done, idx) in chosen.iter().enumerate() {
        watch("asking the server what people see", n_done as u64, chosen.len() as u64);
        work.look_as(&everybody.people[*idx]).await?;
    }
    Ok(work.conclude(chosen.len()))
}

struct Work<'a> {
    setup: &'a Setup<'a>,
    everybody: &'a Everybody,
    list: Check,
    hidden: Check,
    readable: Check,
    n_asked: u64,
    n_listed: u64,
    n_hidden: u64,
    n_readable: u64,
    n_unproven: u64,
}

impl Work<'_> {
    async fn look_as(&mut self, person: &Person) -> Result<(), VerifyError> {
        let (token, id) = match token(self.setup, person.user.id, Verbs::READ, RepoScope::All).await? {
            Some(made) => made,
            None => {
                self.n_unproven += 1;
                return Ok(());
            }
        };
        let looked = self.ask_as(person, &token).await;
        self.setup.store.revoke_token(person.user.id, &id).await?;
        looked
    }

    async fn ask_as(&mut self, person: &Person, token: &SecretString) -> Result<(), VerifyError> {
        let name_of = |repo: &model::RepoId| self.everybody.names.get(repo).map(String::as_str);
        let expected: BTreeSet<&str> = person.expected.iter().filter_map(name_of).collect();
        let Some(listed) = self.listed(token).await? else {
            self.n_unproven += 1;
            return Ok(());
        };
        self.n_listed += listed.len() as u64;
        let who = &person.user.name;
        for name in listed.iter().filter(|name| !expected.contains(name.as_str())) {
            self.list.fail(format!("{who} is shown '{name}'"));
        }
        for name in expected.iter().filter(|name| !listed.contains(**name)) {
            self.list.fail(format!("{who} is not shown '{name}'"));
        }
        let hidden: Vec<&str> = self
            .everybody
            .names
            .values()
            .map(String::as_str)
            .filter(|name| !expected.contains(name))
            .collect();
        for idx in draw(self.setup, hidden.len(), N_HIDDEN)? {
            self.ask_for_hidden(who.as_str(), token, hidden[idx]).await?;
        }
        let readable: Vec<&str> = expected.into_iter().collect();
        for idx in draw(self.setup, readable.len(), N_READABLE)? {
            let question = Question::get(format!("/api/v1/repos/{}", readable[idx]));
            let answer = self.setup.server.ask(&question, Some(token)).await?;
            self.n_readable += 1;
            if answer.status != StatusCode::OK {
                self.readable.fail(format!(
                    "{who} asked for '{}': status {}",
                    readable[idx],
                    answer.status.as_u16()
                ));
            }
        }
        Ok(())
    }

    /// The names of all repositories that are listed; nothing where the list is refused.
    async fn listed(&mut self, token: &SecretString) -> Result<Option<BTreeSet<String>>, VerifyError> {
        let (mut names, mut cursor) = (BTreeSet::new(), String::new());
        loop {
            let question = Question::get(format!("/api/v1/repos?limit=1000{cursor}"));
            let answer = self.setup.server.ask(&question, Some(token)).await?;
            self.n_asked += 1;
            if answer.status != StatusCode::OK {
                return Ok(None);
            }
            let page: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let rows = page["repos"].as_array().map(Vec::as_slice).unwrap_or_default();
            names.extend(rows.iter().filter_map(|row| row["name"].as_str().map(str::to_owned)));
            match page["next"].as_str() {
                Some(next) if !rows.is_empty() => {
                    cursor = format!("&cursor={}", crate::live::in_address(next))
                }
                _ => return Ok(Some(names)),
            }
        }
    }

    async fn ask_for_hidden(
        &mut self,
        who: &str,
        token: &SecretString,
        name: &str,
    ) -> Result<(), VerifyError> {
        let unknown = doors::unlike(self.setup, name)?;
        let word = super::letters(self.setup, 12)?;
        let about =
            |name: &str| About { repo: name.to_owned(), path: "README.md".to_owned(), word: word.clone() };
        let (asked, instead) = (about(name), about(&unknown));
        let pairs = doors::by_name(&asked).into_iter().zip(doors::by_name(&instead));
        for (question, control) in pairs {
            self.n_hidden += 1;
            let mut difference = None;
            for _ in 0..N_ATTEMPTS {
                let answer = self.setup.server.ask(&question, Some(token)).await?.about(name, &unknown);
                let expected = self.setup.server.ask(&control, Some(token)).await?;
                difference = answer.difference(&expected);
                if difference.is_none() {
                    break;
                }
            }
            if let Some(difference) = difference {
                self.hidden.fail(format!("{who}, {}: {difference}", question.route()));
            }
        }
        Ok(())
    }

    fn conclude(mut self, n_chosen: usize) -> Part {
        if self.n_unproven > 0 {
            self.list.leave_open(format!(
                "{} people cannot be asked for: their account takes no token or no list",
                self.n_unproven
            ));
        }
        if n_chosen == 0 {
            for check in [&mut self.list, &mut self.hidden, &mut self.readable] {
                check.leave_open("nobody was to be asked for");
            }
        }
        let n_people = self.everybody.people.len();
        let checks = vec![
            self.list.measured(format!(
                "{n_chosen} of {n_people} people, {} repositories in {} lists",
                self.n_listed, self.n_asked
            )),
            self.hidden.measured(format!("{} pairs of questions", self.n_hidden)),
            self.readable.measured(format!("{} questions", self.n_readable)),
        ];
        Part {
            title: "What people are shown".to_owned(),
            method: "People chosen at random are asked for over the server's own address, with a token of theirs that lasts for minutes. A \
                     repository that they may not read is asked for by its name and by one that does not exist; the answers must be the same."
                .to_owned(),
            checks,
        }
    }
}

/// A token for some minutes; for use on this machine alone where the server is asked there.
pub(super) async fn token(
    setup: &Setup<'_>,
    user: model::UserId,
    verbs: Verbs,
    repos: RepoScope,
) -> Result<Option<(SecretString, TokenId)>, VerifyError> {
    let loopback = [[127, 0, 0, 0].into(), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1u16])];
    let networks = [IpNet::new(loopback[0], 8), IpNet::new(loopback[1], 128)];
    let addresses = match setup.server.is_loopback() {
        true => networks.into_iter().flatten().collect(),
        false => Vec::new(),
    };
    let scope = Scope { repos, verbs, expires_at: Some(setup.clock.now().plus(TOKEN_LASTS)), addresses };
    let new = NewToken { user, label: "verification of permissions".to_owned(), scope };
    match setup.store.create_token(new).await {
        Ok((token, info)) => Ok(Some((SecretString::from(token.reveal().to_owned()), info.id))),
        Err(CreateTokenError::Fault(fault)) => Err(fault.into()),
        Err(_) => Ok(None),
    }
}
