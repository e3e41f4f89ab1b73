"""Who looks, and what they may see: groups of the sign-in become viewer or operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import streamlit as st
from streamlit.runtime.secrets import SecretsValue, secrets_singleton

from vitalstream_dashboard.service import service
from vitalstream_dashboard.settings import SignInSettings

NO_SIGN_IN: Final = "no sign-in configured"


class Role(StrEnum):
    """What somebody may see; an operator sees all that a viewer does."""

    NOBODY = "nobody"
    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever has this page open.

    Attributes:
        role: What they may see.
        name: As the sign-in calls them; None while nobody is signed in.
    """

    role: Role
    name: str | None


def visitor() -> Visitor:
    """Who this session belongs to; without a sign-in everybody is an operator."""
    sign_in = service().sign_in
    if not sign_in.enabled:
        return Visitor(Role.OPERATOR, None)
    if not st.user.is_logged_in:
        return Visitor(Role.NOBODY, None)
    claims = st.user.to_dict()
    name = next((claims[key] for key in ("name", "email", "sub") if claims.get(key)), "")
    return Visitor(role_of(sign_in, claims), str(name))


def role_of(sign_in: SignInSettings, claims: Mapping[str, Any]) -> Role:
    """The role that the sign-in's groups give; operators need not be viewers too."""
    groups = groups_of(sign_in.groups_claim, claims)
    if groups & names(sign_in.operator_groups):
        return Role.OPERATOR
    viewers = names(sign_in.viewer_groups)
    return Role.VIEWER if not viewers or groups & viewers else Role.NOBODY


def groups_of(claim: str, claims: Mapping[str, Any]) -> set[str]:
    """The groups in a claim, which may lie within others: `realm_access.roles`."""
    found: Any = claims
    for part in claim.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return {found}
    return {str(each) for each in found} if isinstance(found, list | tuple) else set()


def names(text: str) -> set[str]:
    """A list of names with commas between them."""
    return {name for part in text.split(",") if (name := part.strip())}


def is_operator() -> bool:
    """Whether this session may see what only operators may."""
    return visitor().role is Role.OPERATOR


def hand_over(sign_in: SignInSettings) -> None:
    """Give Streamlit what `st.login` needs; it never lies in a file."""
    if not sign_in.enabled:
        return
    secrets = (sign_in.client_secret, sign_in.cookie_secret)
    client_secret, cookie_secret = (
        secret.get_secret_value() if secret else "" for secret in secrets
    )
    auth: dict[str, SecretsValue] = {
        "redirect_uri": sign_in.redirect_url or "",
        "cookie_secret": cookie_secret,
        "client_id": sign_in.client_id or "",
        "client_secret": client_secret,
        "server_metadata_url": sign_in.metadata_url or "",
        "client_kwargs": {"scope": sign_in.scope},
    }
    secrets_singleton.merge_programmatic_secrets({"auth": auth})


def door(who: Visitor) -> None:
    """What is shown to somebody who may see nothing: where to sign in, or why that was not enough.

    Args:
        who: They.
    """
    st.title("Vitalstream", anchor=False)
    if who.name is None:
        st.text("Sign in to see the patients.")
        st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
    else:
        st.error("None of your groups may see this page.", icon=":material/lock:")
        leave(who)


def closed() -> None:
    """A page that a viewer came to by its address."""
    st.title("Operations", anchor=False)
    st.error("Only operators may see this page.", icon=":material/lock:")


def leave(who: Visitor) -> None:
    """Who is signed in, and the way out."""
    if who.name is not None:
        st.text(f"Signed in as {who.name} ({who.role})")
        st.button("Sign out", icon=":material/logout:", on_click=st.logout, key="sign-out")
