//! Who and what there is at a stub.

use std::collections::{BTreeMap, BTreeSet};

/// To whom a repository is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// To everybody.
    Public,
    /// To everybody with an account.
    Internal,
    /// To its readers.
    Private,
}

/// A person with an account.
#[derive(Clone, Debug)]
pub struct StubPerson {
    /// Never given to somebody else.
    pub id: u64,
    /// May change, and be given to somebody else.
    pub login: String,
    /// Whether the account is open.
    pub is_active: bool,
    /// Whether the account sees only what it is named for.
    pub is_external: bool,
}

/// A repository.
#[derive(Clone, Debug)]
pub struct StubRepository {
    /// Never given to another one.
    pub id: u64,
    /// With its folder; may change.
    pub name: String,
    /// To whom it is shown.
    pub visibility: Visibility,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether it was set to rest.
    pub archived: bool,
    /// Its size.
    pub size_bytes: u64,
    /// Its stars.
    pub n_stars: u64,
    /// The people who may read it by name.
    pub readers: BTreeSet<u64>,
}

/// People, repositories, rights.
#[derive(Clone, Debug, Default)]
pub struct HostWorld {
    /// By id.
    pub people: Vec<StubPerson>,
    /// By id.
    pub repositories: Vec<StubRepository>,
    by_reader: BTreeMap<u64, Vec<usize>>,
    by_id: BTreeMap<u64, usize>,
}

impl HostWorld {
    /// A world of people 1… and repositories 1001…, each with the people who read it by name; all private.
    pub fn of(logins: &[&str], repositories: &[(&str, &[u64])]) -> Self {
        let people = (1..).zip(logins).map(|(id, login)| StubPerson {
            id,
            login: (*login).to_owned(),
            is_active: true,
            is_external: false,
        });
        let repositories = (1001..).zip(repositories).map(|(id, (name, readers))| StubRepository {
            id,
            name: (*name).to_owned(),
            visibility: Visibility::Private,
            fork: false,
            archived: false,
            size_bytes: 1024,
            n_stars: 0,
            readers: readers.iter().copied().collect(),
        });
        let mut world = HostWorld {
            people: people.collect(),
            repositories: repositories.collect(),
            ..Default::default()
        };
        world.index();
        world
    }

    /// A world of a company: each person reads so many repositories, some of which many read and most of which few do.
    pub fn large(n_people: u64, n_repositories: u64, n_per_person: u64) -> Self {
        let person =
            |id| StubPerson { id, login: format!("person-{id}"), is_active: true, is_external: false };
        let repository = |idx: u64| StubRepository {
            id: 100_001 + idx,
            name: format!("org-{}/repo-{idx}", idx % 200),
            visibility: Visibility::Private,
            fork: false,
            archived: false,
            size_bytes: 4096,
            n_stars: 0,
            readers: BTreeSet::new(),
        };
        let mut repositories: Vec<StubRepository> = (0..n_repositories).map(repository).collect();
        for id in 1..=n_people {
            for nth in 0..n_per_person {
                // A quarter among the first hundredth: what everybody works with. The rest is spread evenly.
                let mixed = (id * 7919 + nth * 104_729).wrapping_mul(2_654_435_761) >> 7;
                let n_among = if nth % 4 == 0 { (n_repositories / 100).max(1) } else { n_repositories };
                if let Some(repository) = repositories.get_mut(usize::try_from(mixed % n_among).unwrap_or(0))
                {
                    repository.readers.insert(id);
                }
            }
        }
        let people = (1..=n_people).map(person).collect();
        let mut world = HostWorld { people, repositories, ..Default::default() };
        world.index();
        world
    }

    /// Notes who reads what, after a change.
    pub(super) fn index(&mut self) {
        self.by_reader.clear();
        self.by_id = (0..).zip(&self.repositories).map(|(idx, repository)| (repository.id, idx)).collect();
        for (idx, repository) in self.repositories.iter().enumerate() {
            for reader in &repository.readers {
                self.by_reader.entry(*reader).or_default().push(idx);
            }
        }
    }

    /// What a person reads by name.
    pub(super) fn named_for(&self, person: u64) -> Vec<&StubRepository> {
        let idxs = self.by_reader.get(&person).map(Vec::as_slice).unwrap_or_default();
        idxs.iter().filter_map(|idx| self.repositories.get(*idx)).collect()
    }

    /// A repository.
    pub fn repository(&mut self, name: &str) -> &mut StubRepository {
        match self.repositories.iter_mut().find(|repository| repository.name == name) {
            Some(repository) => repository,
            None => panic!("the stub has no repository '{name}'"),
        }
    }

    /// A person.
    pub fn person(&mut self, login: &str) -> &mut StubPerson {
        match self.people.iter_mut().find(|person| person.login == login) {
            Some(person) => person,
            None => panic!("the stub has no person '{login}'"),
        }
    }

    pub(super) fn repository_by_id(&self, id: u64) -> Option<&StubRepository> {
        self.repositories.get(*self.by_id.get(&id)?)
    }

    pub(super) fn person_by_id(&self, id: u64) -> Option<&StubPerson> {
        self.people.iter().find(|person| person.id == id)
    }

    pub(super) fn by_login(&self, login: &str) -> Option<&StubPerson> {
        self.people.iter().find(|person| person.login == login)
    }
}
