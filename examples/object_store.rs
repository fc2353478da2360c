//! Uploads files to the object store, lists a folder, reads what is known of one, downloads all as a zip, deletes them.
//! At the simulator, whose organization has the plan that may export.
//!
//! ```text
//! cargo run -p qc-examples --example object_store
//! ```

use std::error::Error;

use qc_api::endpoints::object_store::{DeleteObject, ListObjects, ReadObjectProperties, SetObject};
use qc_api::ids::OrganizationId;
use qc_sim::{Sim, SimOptions, Tier};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start_with(SimOptions { tier: Tier::Institution, ..SimOptions::default() }).await?;
    let client = sim.client()?;
    let organization = client.credentials().organization_id().ok_or("no organization is known")?;
    let organization_id = || OrganizationId::from(organization);

    for (key, text) in
        [("signals/2024.csv", "date,signal\n2024-01-02,1\n"), ("signals/notes.txt", "weekly, after the close\n")]
    {
        let request = SetObject { organization_id: organization_id(), key: key.into(), data: text.into() };
        client.send(&request).await?;
        println!("uploaded {key}");
    }

    let folder = ListObjects { organization_id: organization_id(), path: Some("signals".into()), page: None };
    for object in client.objects(folder).await? {
        let kind = if object.is_folder() { "folder" } else { "file" };
        println!("{kind:<8}{:<20}{:>6} bytes", object.key, object.size.unwrap_or_default());
    }
    let request = ReadObjectProperties { organization_id: organization_id(), key: "signals/2024.csv".into() };
    let known = client.send(&request).await?.metadata;
    println!(
        "{} has md5 {} and begins {:?}",
        known.key,
        known.md5.unwrap_or_default(),
        known.preview.unwrap_or_default()
    );

    // Two steps behind one call: the service packs a zip, then a link is fetched without our signature.
    let zip = client.download_objects(organization_id(), vec!["signals".into()]).await?;
    println!("a zip of {} bytes, signature {:?}", zip.len(), zip.get(..2).map(|head| String::from_utf8_lossy(head)));

    client.send(&DeleteObject { organization_id: organization_id(), key: "signals".into() }).await?;
    let root = ListObjects { organization_id: organization_id(), path: None, page: None };
    println!("{} objects left", client.objects(root).await?.len());
    Ok(())
}
