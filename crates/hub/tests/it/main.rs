//! Both ends: a hub over a store of its own, and an instance that speaks to a hub which says anything.

mod desk;
mod office;
mod world;
