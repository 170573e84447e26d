//! Who may do what, as a whole: a change of one cell has to be meant.

use std::fmt::Write as _;

use ticker_domain::permission::{Permission, Permit};
use ticker_domain::user::Role;

#[test]
fn the_matrix_of_roles_and_permissions() {
    let mut matrix = format!("{:<18}", "");
    for role in Role::ALL {
        let _ = write!(matrix, "{:<9}", role.as_str());
    }
    for permission in Permission::ALL {
        let _ = write!(matrix, "\n{:<18}", format!("{permission:?}"));
        for role in Role::ALL {
            let _ = write!(
                matrix,
                "{:<9}",
                if role.may(*permission) { "yes" } else { "-" }
            );
        }
    }
    let matrix: Vec<&str> = matrix.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(matrix.join("\n"));
}

#[test]
fn a_type_stands_for_the_value_of_its_name() {
    use ticker_domain::permission::{ItemArchive, PasswordChange, StockView};

    assert_eq!(StockView::PERMISSION, Permission::StockView);
    assert_eq!(ItemArchive::PERMISSION, Permission::ItemArchive);
    assert_eq!(PasswordChange::PERMISSION, Permission::PasswordChange);
}
