//! Whether an account has a second factor beside its password.

use crate::database::{Transaction, values};
use crate::{Fault, Store};
use access::SecondFactor;
use model::UserId;

const ANY: &str = "SELECT 1 AS one FROM totp WHERE user_id = $1";

impl Store {
    /// Whether an account has a second factor.
    pub async fn second_factor(&self, user: UserId) -> Result<SecondFactor, Fault> {
        Ok(enrolled(self.database().row(ANY, values![user]).await?.is_some()))
    }
}

/// The same within a transaction, whose first statement must have taken the epoch's lock: whoever enrols or removes a factor
/// takes it, too.
pub(crate) async fn of_user(transaction: &mut Transaction, user: UserId) -> Result<SecondFactor, Fault> {
    Ok(enrolled(transaction.row(ANY, values![user]).await?.is_some()))
}

fn enrolled(is_enrolled: bool) -> SecondFactor {
    match is_enrolled {
        true => SecondFactor::Enrolled,
        false => SecondFactor::None,
    }
}
