//! Organizations: who pays, who belongs, what is rented.

use qc_api::endpoints::organizations::{
    Credit, CreditMovement, DataAgreement, KeysReply, ListEncryptionKeys, ListOrganizations, Member,
    Organization as Shown, OrganizationReply, OrganizationSummary, OrganizationsReply, Product, ProductItem,
    ReadOrganization,
};

use crate::refuse::Answer;
use crate::world::{Call, Machine, Organization, Tier, World};

pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadOrganization) -> Answer<OrganizationReply> {
    let organization = world.organization(call, request.organization_id.as_ref().map(AsRef::as_ref))?;
    Ok(OrganizationReply { organization: shown(world, organization)? })
}

pub(crate) fn list(world: &mut World, call: &Call<'_>, _: ListOrganizations) -> Answer<OrganizationsReply> {
    let preferred = world.account(call.user)?.organization.clone();
    let mut organizations = Vec::new();
    for organization in world.organizations.iter().filter(|o| o.members.contains(&call.user)) {
        let owner = organization.members.first().and_then(|id| world.account(*id).ok());
        organizations.push(OrganizationSummary {
            id: organization.id.as_str().into(),
            name: organization.name.clone(),
            kind: Some(tier_name(organization.tier).to_owned()),
            // To the owner the service says "You".
            owner_name: owner.map(|o| if o.id == call.user { "You".to_owned() } else { o.name.clone() }),
            members: i64::try_from(organization.members.len()).ok(),
            preferred: organization.id == preferred,
        });
    }
    Ok(OrganizationsReply { organizations })
}

/// The simulator keeps no encrypted projects, so there is never a key.
pub(crate) fn encryption_keys(world: &mut World, call: &Call<'_>, request: ListEncryptionKeys) -> Answer<KeysReply> {
    world.organization(call, Some(request.organization_id.as_str()))?;
    Ok(KeysReply { keys: Vec::new() })
}

fn shown(world: &World, organization: &Organization) -> Answer<Shown> {
    let mut members = Vec::new();
    for (at, id) in organization.members.iter().enumerate() {
        let account = world.account(*id)?;
        members.push(Member {
            id: Some(*id),
            name: account.name.clone(),
            is_admin: at == 0,
            email: Some(account.email.clone()),
        });
    }
    let movements = organization
        .movements
        .iter()
        .map(|movement| CreditMovement {
            date: Some(movement.at),
            description: movement.description.clone(),
            kind: Some(if movement.amount < 0.0 { "withdrawal" } else { "deposit" }.to_owned()),
            subtype: Some("usage".to_owned()),
            amount: Some(movement.amount),
            balance: Some(movement.balance),
        })
        .collect();
    Ok(Shown {
        id: organization.id.as_str().into(),
        name: organization.name.clone(),
        seats: i64::try_from(organization.members.len()).ok(),
        kind: Some(tier_name(organization.tier).to_owned()),
        credit: Some(Credit { balance: Some(organization.credit), movements }),
        products: vec![
            product("Backtest Node", &organization.backtest_nodes),
            product("Research Node", &organization.research_nodes),
            product("Live Trading Node", &organization.live_nodes),
        ],
        data: Some(DataAgreement { signed_time: "2025-01-01T00:00:00Z".parse().ok(), current: true }),
        members,
    })
}

fn product(name: &str, machines: &[Machine]) -> Product {
    let mut items: Vec<ProductItem> = Vec::new();
    for machine in machines {
        if let Some(item) = items.iter_mut().find(|item| item.name == machine.sku) {
            item.quantity = item.quantity.map(|quantity| quantity + 1.0);
        } else {
            items.push(ProductItem {
                product_id: Some(1),
                name: machine.sku.clone(),
                quantity: Some(1.0),
                unit_price: Some(0.0),
                total: Some(0.0),
            });
        }
    }
    Product { name: name.to_owned(), items }
}

fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Free => "Free",
        Tier::Researcher => "Quant Researcher",
        Tier::Team => "Team",
        Tier::TradingFirm => "Trading Firm",
        Tier::Institution => "Institution",
    }
}
