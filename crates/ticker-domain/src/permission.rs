//! Permissions, and the one table that says which role has which.
//!
//! A permission is a type, so that a function can demand it in its signature
//! (`by: &Grant<StockAdjust>`). [`Permission`] is the same set as values, for pages that ask what to
//! show and for the snapshot that pins the whole matrix.

use crate::user::Role;

/// A permission as a type. Only the types of this module implement it.
pub trait Permit: sealed::Sealed + Send + Sync + 'static {
    /// The same permission as a value.
    const PERMISSION: Permission;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident from $least:ident;)+) => {
        /// A permission as a value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission { $($(#[$doc])* $name,)+ }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The role with the least rights that has this permission; those above have it too.
            #[must_use]
            pub fn least_role(self) -> Role {
                match self { $(Self::$name => Role::$least,)+ }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}
            impl sealed::Sealed for $name {}
            impl Permit for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )+
    };
}

permissions! {
    /// See items, levels and movements.
    StockView from Staff;
    /// Change quantities: press, adjust, count, transfer; take back what one has posted oneself.
    StockAdjust from Staff;
    /// Take back what others have posted.
    StockUndoAny from Manager;
    /// Add items, and the categories and locations that they need.
    ItemCreate from Manager;
    /// Change what an item is called and when it is reordered.
    ItemEdit from Manager;
    /// Archive and restore items.
    ItemArchive from Manager;
    /// Make one change to many items at once, whatever it is.
    BulkApply from Manager;
    /// Add, rename, merge, archive and restore locations and categories. One permission for both kinds and
    /// all of it: whoever arranges the shop needs every part.
    GroupManage from Manager;
    /// Let somebody new sign in.
    UserEnroll from Admin;
    /// See who may sign in, change roles, disable, enable, reset passwords.
    UserAdminister from Admin;
    /// Change one's own password.
    PasswordChange from Staff;
}

impl Role {
    /// Whether the role has the permission.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        let rank = |role| Role::ALL.iter().position(|known| *known == role);
        rank(self) >= rank(permission.least_role())
    }
}
