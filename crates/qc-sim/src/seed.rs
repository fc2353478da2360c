//! The small account behind README, examples and `--demo`: two users, each with an organization, and two projects of the first.

use jiff::Timestamp;

use crate::endpoints::lean;
use crate::options::SimOptions;
use crate::world::{Account, File, Machine, Organization, Project, Tier, World};

/// User id of the seeded account.
pub const USER_ID: i64 = 123_456;
/// API token of the seeded account: not a secret, it opens nothing but the simulator.
pub const TOKEN: &str = "simulated-token-of-no-value";
/// The seeded account's organization.
pub const ORGANIZATION_ID: &str = "5cad178b20a1d52567b534553413b691";
/// The first project, whose code buys and holds KO and PEP.
pub const PAIR_PROJECT_ID: i64 = 20_000_001;
/// The second project, whose code holds technology shares with a monthly schedule.
pub const BASKET_PROJECT_ID: i64 = 20_000_002;

/// User id of a second account, in an organization of its own on the free plan.
pub const COLLABORATOR_ID: i64 = 654_321;
/// API token of the second account.
pub const COLLABORATOR_TOKEN: &str = "another-token-of-no-value";
/// Public identifier of the second account, by which it is invited to projects.
pub const COLLABORATOR_PUBLIC_ID: &str = "second-user";
/// The second account's organization.
pub const COLLABORATOR_ORGANIZATION_ID: &str = "d6d62db48592c72e67b534553413b691";

const PAIR: &str = include_str!("seed/pair.py");
const BASKET: &str = include_str!("seed/basket.py");

/// Algorithms to look at.
pub(crate) const EXAMPLES: [(&str, &str); 3] = [("pair.py", PAIR), ("basket.py", BASKET), ("main.py", DEFAULT_PYTHON)];

/// The world on its first day.
pub(crate) fn world(seed: u64, tier: Tier, now: Timestamp) -> World {
    let mut world = World { seed, last_number: PAIR_PROJECT_ID - 1, ..World::default() };
    world.accounts.push(Account {
        id: USER_ID,
        token: TOKEN.to_owned(),
        name: "Demo User".to_owned(),
        email: "demo@example.com".to_owned(),
        public_id: "demo-user".to_owned(),
        organization: ORGANIZATION_ID.to_owned(),
    });
    world.accounts.push(Account {
        id: COLLABORATOR_ID,
        token: COLLABORATOR_TOKEN.to_owned(),
        name: "Second User".to_owned(),
        email: "second@example.com".to_owned(),
        public_id: COLLABORATOR_PUBLIC_ID.to_owned(),
        organization: COLLABORATOR_ORGANIZATION_ID.to_owned(),
    });
    let team = organization(&mut world, ORGANIZATION_ID, "Demo Research", tier, &[USER_ID], 10_000.0);
    let id = COLLABORATOR_ORGANIZATION_ID;
    let alone = organization(&mut world, id, "Second Research", Tier::Free, &[COLLABORATOR_ID], 0.0);
    world.organizations.extend([team, alone]);
    add(&mut world, now, "Pair of Staples", "Buys and holds KO and PEP.", PAIR);
    add(&mut world, now, "Technology Basket", "Holds four technology names, back to equal weights each month.", BASKET);
    world
}

/// The same, with what the options add.
pub(crate) fn world_of(options: &SimOptions, now: Timestamp) -> World {
    let mut world = world(options.seed, options.tier, now);
    for more in &options.accounts {
        world.accounts.push(Account {
            id: more.id,
            token: more.token.clone(),
            name: more.name.clone(),
            email: format!("{}@example.com", more.public_id),
            public_id: more.public_id.clone(),
            organization: more.organization.clone(),
        });
    }
    for more in &options.organizations {
        let made = organization(&mut world, &more.id, &more.name, more.tier, &more.members, more.credit);
        world.organizations.push(made);
    }
    world
}

/// An organization with the nodes of its plan: the free one has the slow model and nothing to trade on.
fn organization(world: &mut World, id: &str, name: &str, tier: Tier, members: &[i64], credit: f64) -> Organization {
    let is_seeded = [ORGANIZATION_ID, COLLABORATOR_ORGANIZATION_ID].contains(&id);
    let mut rented = |sku: &str, kind: &str, prefix: &str, number: usize| -> Vec<Machine> {
        let machine = |at: usize| {
            let id = format!("{prefix}{}", world.draw_id());
            // A node is known by its name: no two have the same.
            let own = if is_seeded { at.to_string() } else { id.get(prefix.len()..prefix.len() + 8)?.to_owned() };
            Some(Machine { name: format!("{kind} {sku} {own}"), sku: sku.to_owned(), id })
        };
        (1..=number).filter_map(machine).collect()
    };
    // The seeded organization keeps its nodes on every plan, so that tests of quotas can run.
    let is_free = tier == Tier::Free && id != ORGANIZATION_ID;
    let [backtest, research] = if is_free { [("B-MICRO", 1), ("R1-4", 1)] } else { [("B4-12", 2), ("R4-12", 1)] };
    Organization {
        id: id.to_owned(),
        name: name.to_owned(),
        tier,
        members: members.to_vec(),
        credit,
        movements: Vec::new(),
        backtest_nodes: rented(backtest.0, "Backtest", "", backtest.1),
        research_nodes: rented(research.0, "Research", "", research.1),
        live_nodes: rented("L1-2", "Live", "LN-", if is_free { 0 } else { 2 }),
        objects: Default::default(),
        logged: Vec::new(),
    }
}

fn add(world: &mut World, now: Timestamp, name: &str, description: &str, code: &str) {
    let id = world.draw_number();
    let channel = format!("P{id}-{}", world.draw_id());
    world.projects.insert(
        id,
        Project {
            id,
            organization: ORGANIZATION_ID.to_owned(),
            owner: USER_ID,
            name: name.to_owned(),
            description: description.to_owned(),
            language: "Py".to_owned(),
            created: now,
            modified: now,
            lean_environment: lean::DEFAULT_ENVIRONMENT,
            channel,
            ..Project::default()
        },
    );
    // Numbers of files follow those of the projects, so that project ids stay the documented constants.
    let files = [("main.py", code), ("research.ipynb", NOTEBOOK)];
    if let Some(project) = world.projects.get_mut(&id) {
        project.files = (1..)
            .zip(files)
            .map(|(number, (name, content))| File {
                id: id * 10 + number,
                name: name.to_owned(),
                content: content.to_owned(),
                modified: now,
            })
            .collect();
    }
}

/// What a new project's `main.py` holds.
pub(crate) const DEFAULT_PYTHON: &str = include_str!("seed/main.py");
/// What a new project's `Main.cs` holds.
pub(crate) const DEFAULT_CSHARP: &str = include_str!("seed/Main.cs");
/// What a new project's notebook holds.
pub(crate) const NOTEBOOK: &str = include_str!("seed/research.ipynb");
