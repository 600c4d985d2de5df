//! A door whose resolver the test owns.

use egress::{Addresses, Client, Destination, Egress, IpNet, Limits, Purpose, Reach, Resolve, SendError};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// Answers by name; each list is given once, the last one for ever.
#[derive(Default)]
pub(crate) struct Names {
    answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub(crate) fn of(names: &[(&str, &[&[&str]])]) -> Arc<Names> {
        let parse = |list: &&[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
        let answers = names.iter().map(|(name, lists)| (name.to_string(), lists.iter().map(parse).collect()));
        Arc::new(Names { answers: Mutex::new(answers.collect()), asked: Mutex::default() })
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Names {
    fn resolve(&self, name: &str) -> Addresses {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let lists = answers.entry(name.to_owned()).or_default();
        let answer = if lists.len() > 1 { lists.pop_front() } else { lists.front().cloned() };
        Box::pin(async move { Ok(answer.unwrap_or_default()) })
    }
}

pub(crate) fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(crate) fn client_with(
    names: Arc<Names>,
    base: &str,
    allowed: &[&str],
    reach: Reach,
    limits: Limits,
) -> Client {
    let destination = Destination::new(Purpose::CodeHost, base, networks(allowed), reach).unwrap();
    Egress::unrecorded_with(names).client(destination, limits).unwrap()
}

/// A client that may reach 127.0.0.1 and stays at its origin.
pub(crate) fn client(base: &str, limits: Limits) -> Client {
    client_with(Names::of(&[]), base, &["127.0.0.1/32"], Reach::OwnOrigin, limits)
}

pub(crate) async fn get(client: &Client, url: &str) -> Result<http::Response<Vec<u8>>, SendError> {
    client.send(http::Request::get(url).body(Vec::new()).unwrap()).await
}
