use crate::model::{self, Item, Kind as Sort};
use std::collections::HashMap;
mod helper;

pub struct Shelf<T> { items: Vec<Item>, first: Item, by_name: HashMap<String, T> }

pub trait Count { fn count(&self) -> usize; }

impl<T> Count for Shelf<T> {
    fn count(&self) -> usize { self.items.len() + self.extra() }
}

impl<T> Shelf<T> {
    pub fn new(first: Item) -> Self {
        let items = vec![first.clone()];
        Shelf { items, first, by_name: HashMap::new() }
    }
    fn extra(&self) -> usize {
        let value = self.first.size;
        let value = value + 1;
        match self.first.kind {
            Sort::Big if value > 2 => value,
            other => model::rank(other),
        }
    }
}

fn main() {
    let shelf = Shelf::new(Item::default());
    for item in shelf.items.iter().map(|item| item.size) {
        println!("{}", shelf.first.name);
        helper::log(item);
    }
    if let Some(found) = shelf.by_name.get("x") { found.show(); }
}
