//! Rebuilds the kit when a migration is added: the template's name follows from them.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
