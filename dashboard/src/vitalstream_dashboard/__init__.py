"""The live dashboard: Streamlit over the storage library's reader."""
