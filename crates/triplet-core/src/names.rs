//! Enums that users name: every variant, its name, and reading a name, from one list.

/// Declares an enum whose variants have names. `ALL` lists every variant in order, `name` gives
/// a variant's name, and `FromStr` reads names, aliases included, whatever their case.
///
/// ```
/// triplet_core::named_enum! {
///     /// How loud.
///     #[derive(Default)]
///     pub enum Volume: "volume" {
///         /// Not at all.
///         #[default]
///         Silent = "silent",
///         /// Very.
///         Loud = "loud" | "noisy",
///     }
/// }
/// assert_eq!("NOISY".parse(), Ok(Volume::Loud));
/// assert_eq!(Volume::ALL.map(Volume::name), ["silent", "loud"]);
/// let error = "quiet".parse::<Volume>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown volume \"quiet\": choose one of silent, loud");
/// ```
#[macro_export]
macro_rules! named_enum {
    (
        $(#[$outer:meta])*
        pub enum $name:ident: $what:literal {
            $($(#[$inner:meta])* $variant:ident = $text:literal $(| $alias:literal)*,)+
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$inner])* $variant,)+
        }

        impl $name {
            /// Every variant, in the order of their declaration.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The name that users write.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = $crate::Error;
            fn from_str(name: &str) -> $crate::Result<Self> {
                match name.to_ascii_lowercase().as_str() {
                    $($text $(| $alias)* => Ok(Self::$variant),)+
                    _ => Err($crate::Error::UnknownName {
                        what: $what,
                        value: name.to_owned(),
                        choices: [$($text),+].join(", "),
                    }),
                }
            }
        }
    };
}
