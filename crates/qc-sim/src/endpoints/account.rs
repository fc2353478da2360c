//! Whose account it is.

use qc_api::endpoints::Done;
use qc_api::endpoints::account::{Account, Authenticate, Card, ReadAccount, ReadUser, User, UserReply};

use crate::refuse::Answer;
use crate::world::{Call, World};

/// The signature was checked before; nothing is left to do.
pub(crate) fn authenticate(_: &mut World, _: &Call<'_>, _: Authenticate) -> Answer<Done> {
    Ok(Done {})
}

pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadAccount) -> Answer<Account> {
    let organization = world.organization(call, request.organization_id.as_ref().map(AsRef::as_ref))?;
    Ok(Account {
        organization_id: organization.id.as_str().into(),
        credit_balance: Some(organization.credit),
        card: Some(Card { brand: "visa".to_owned(), expiration: "12/30".to_owned(), last4: "0000".to_owned() }),
    })
}

pub(crate) fn user(world: &mut World, call: &Call<'_>, request: ReadUser) -> Answer<UserReply> {
    world.organization(call, request.organization_id.as_ref().map(AsRef::as_ref))?;
    let account = world.account(call.user)?;
    let profile = format!("https://www.quantconnect.com/u/{}", account.public_id);
    Ok(UserReply { user: User { name: account.name.clone(), profile: Some(profile), badge: None } })
}
