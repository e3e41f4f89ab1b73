"""The script that Streamlit runs for each session."""

import streamlit as st

from vitalstream_dashboard.views import operations, overview

st.set_page_config(page_title="Vitalstream", page_icon=":material/monitor_heart:", layout="wide")
patients = st.Page(overview.page, title="Patients", icon=":material/monitor_heart:", default=True)
stream = st.Page(
    operations.page,
    title="Operations",
    icon=":material/conveyor_belt:",
    url_path="operations",
)
st.navigation([patients, stream]).run()
