"""The script that Streamlit runs for each session."""

import streamlit as st

from vitalstream_dashboard import access
from vitalstream_dashboard.views import operations, overview, patient, trends

st.set_page_config(page_title="Vitalstream", page_icon=":material/monitor_heart:", layout="wide")
who = access.visitor()
if who.role is access.Role.NOBODY:
    access.door(who)
else:
    operator = who.role is access.Role.OPERATOR
    pages = [
        st.Page(overview.page, title="Overview", icon=":material/monitor_heart:", default=True),
        st.Page(patient.page, title="Patient", icon=":material/person:", url_path="patient"),
        st.Page(trends.page, title="Trends", icon=":material/show_chart:", url_path="trends"),
        st.Page(
            operations.page if operator else access.closed,
            title="Operations",
            icon=":material/conveyor_belt:",
            url_path="operations",
            visibility="visible" if operator else "hidden",
        ),
    ]
    st.navigation(pages).run()
    with st.sidebar:
        access.leave(who)
