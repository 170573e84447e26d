//! Signing in.

use crate::fake::{Fake, Faults};
use crate::program::{Folder, loadgen};

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_sign_ins_waits_its_turn_while_others_read() {
    let faults = Faults {
        busy_sign_ins: 20,
        ..Faults::default()
    };
    let (fake, folder) = (Fake::start(faults).await, Folder::new());
    let settings = "--scenario sign-in --clients 30 --presses 60 --readers 2";
    let said = loadgen(&fake, &folder, "run", settings).await;
    assert_eq!(said.code, 0, "{said:?}");
    let result = folder.result();
    assert_eq!(result["outcomes"]["signed_in"], 60);
    assert_eq!(result["kinds"]["sign_in"]["count"], 60);
    assert!(result["outcomes"]["read"].as_u64().unwrap() > 0, "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told() {
    let (fake, folder) = (Fake::start(Faults::default()).await, Folder::new());
    folder.write("accounts", "ana:wrong one\n");
    let said = loadgen(&fake, &folder, "run", "--scenario hot").await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("ana cannot sign in: 422"), "{said:?}");
}
