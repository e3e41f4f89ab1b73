"""The script that Streamlit runs for each session."""

import streamlit as st

from vitalstream_dashboard.views import overview

st.set_page_config(page_title="Vitalstream", page_icon=":material/monitor_heart:", layout="wide")
st.navigation(
    [st.Page(overview.page, title="Overview", icon=":material/monitor_heart:", default=True)],
    position="hidden",
).run()
