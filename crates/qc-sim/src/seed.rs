//! The small account behind README, examples and `--demo`: two users, each with an organization, and two projects of the first.

use jiff::Timestamp;

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
    let mut rented = |sku: &str, name: &str, prefix: &str, number: usize| -> Vec<Machine> {
        (1..=number)
            .map(|at| Machine {
                id: format!("{prefix}{}", world.draw_id()),
                name: format!("{name} {sku} {at}"),
                sku: sku.to_owned(),
            })
            .collect()
    };
    let team = Organization {
        id: ORGANIZATION_ID.to_owned(),
        name: "Demo Research".to_owned(),
        tier,
        members: vec![USER_ID],
        credit: 10_000.0,
        movements: Vec::new(),
        backtest_nodes: rented("B4-12", "Backtest", "", 2),
        research_nodes: rented("R4-12", "Research", "", 1),
        live_nodes: rented("L1-2", "Live", "LN-", 2),
        objects: Default::default(),
        logged: Vec::new(),
    };
    let alone = Organization {
        id: COLLABORATOR_ORGANIZATION_ID.to_owned(),
        name: "Second Research".to_owned(),
        tier: Tier::Free,
        members: vec![COLLABORATOR_ID],
        credit: 0.0,
        movements: Vec::new(),
        backtest_nodes: rented("B-MICRO", "Backtest", "", 1),
        research_nodes: rented("R1-4", "Research", "", 1),
        live_nodes: Vec::new(),
        objects: Default::default(),
        logged: Vec::new(),
    };
    world.organizations.extend([team, alone]);
    add(&mut world, now, "Pair of Staples", "Buys and holds KO and PEP.", PAIR);
    add(&mut world, now, "Technology Basket", "Holds four technology names, back to equal weights each month.", BASKET);
    world
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
            files: Vec::new(),
            parameters: Vec::new(),
            lean_version: None,
            lean_environment: 1,
            channel,
            collaborators: Vec::new(),
            lock: None,
            nodes: Vec::new(),
            libraries: Vec::new(),
            in_bin: false,
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
