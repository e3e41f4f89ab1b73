"""The pages; not named pages, which Streamlit would turn into a navigation of its own."""
