//! The small account behind README, examples and `--demo`: one user, one organization, two projects.

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

const PAIR: &str = include_str!("seed/pair.py");
const BASKET: &str = include_str!("seed/basket.py");

/// The world on its first day.
pub(crate) fn world(seed: u64, now: Timestamp) -> World {
    let mut world = World { seed, last_number: PAIR_PROJECT_ID - 1, ..World::default() };
    world.accounts.push(Account {
        id: USER_ID,
        token: TOKEN.to_owned(),
        name: "Demo User".to_owned(),
        email: "demo@example.com".to_owned(),
        public_id: "demo-user".to_owned(),
        organization: ORGANIZATION_ID.to_owned(),
    });
    let machine =
        |id: String, number: usize| Machine { id, name: format!("B4-12 node {number}"), sku: "B4-12".to_owned() };
    let backtest_nodes = (1..=2).map(|number| machine(world.draw_id(), number)).collect();
    world.organizations.push(Organization {
        id: ORGANIZATION_ID.to_owned(),
        name: "Demo Research".to_owned(),
        tier: Tier::Team,
        members: vec![USER_ID],
        credit: 10_000.0,
        backtest_nodes,
    });
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
