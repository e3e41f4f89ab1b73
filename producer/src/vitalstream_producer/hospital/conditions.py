"""What patients are admitted with, and what it does to their vital signs.

The effects are shifts of the latent state (1 is about one standard deviation between patients):
their directions are textbook knowledge, their sizes ours.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Condition:
    """A diagnosis.

    Attributes:
        name: As in the first specification's list.
        department: Where its patients lie once admitted.
        effect: On heart rate, systolic, diastolic, respiratory rate, temperature, saturation.
        drowsiness: Added to what makes a patient less than alert.
        frailty: By how much more often its patients deteriorate.
        share: Of the patients who come to emergency, in parts of all shares.
        of_children: Whether children have it here.
        intensive: Share among those who come straight to intensive care.
    """

    name: str
    department: str
    effect: tuple[float, float, float, float, float, float]
    drowsiness: float = 0.0
    frailty: float = 1.0
    share: float = 1.0
    of_children: bool = False
    intensive: float = 0.0


CONDITIONS: Final = (
    Condition("Hypertension", "Cardiology", (0.0, 0.9, 0.8, 0.0, 0.0, 0.0)),
    Condition("Diabetes", "Endocrinology", (0.1, 0.2, 0.1, 0.0, 0.0, 0.0), share=0.8),
    Condition("COPD", "Pulmonology", (0.2, 0.0, 0.0, 0.5, 0.0, -0.9), frailty=1.3, intensive=0.6),
    Condition("Asthma", "Pulmonology", (0.4, 0.0, 0.0, 0.6, 0.0, -0.4), of_children=True),
    Condition(
        "Pneumonia", "Pulmonology", (0.3, -0.1, -0.1, 0.6, 0.6, -0.6),
        frailty=1.5, of_children=True, intensive=1.2,
    ),
    Condition(
        "Heart Failure", "Cardiology", (0.2, -0.2, -0.1, 0.4, -0.1, -0.4),
        frailty=1.4, intensive=1.2,
    ),
    Condition(
        "Myocardial Infarction", "Cardiology", (0.1, -0.2, -0.1, 0.1, 0.0, -0.1),
        frailty=1.3, share=0.8, intensive=1.4,
    ),
    Condition("Atrial Fibrillation", "Cardiology", (0.7, -0.1, 0.1, 0.1, 0.0, 0.0)),
    Condition(
        "Stroke", "Neurology", (0.0, 0.6, 0.4, 0.0, 0.1, 0.0),
        drowsiness=0.6, frailty=1.2, intensive=1.0,
    ),
    Condition(
        "Sepsis", "General Medicine", (0.6, -0.6, -0.5, 0.5, 0.7, -0.2),
        drowsiness=0.3, frailty=2.0, intensive=2.0,
    ),
    Condition("Chronic Kidney Disease", "Nephrology", (0.0, 0.5, 0.3, 0.1, -0.1, 0.0)),
    Condition(
        "Urinary Tract Infection", "Nephrology", (0.2, 0.0, 0.0, 0.1, 0.4, 0.0), of_children=True
    ),
    Condition("Appendicitis", "Surgery", (0.3, 0.0, 0.0, 0.1, 0.4, 0.0), of_children=True),
    Condition("Hip Fracture", "Orthopedics", (0.1, 0.1, 0.0, 0.0, 0.0, -0.1)),
    Condition(
        "Gastrointestinal Bleeding", "Gastroenterology", (0.6, -0.6, -0.5, 0.2, -0.1, 0.0),
        frailty=1.4, intensive=1.0,
    ),
    Condition(
        "Pulmonary Embolism", "Pulmonology", (0.6, -0.2, -0.1, 0.6, 0.1, -0.6),
        frailty=1.4, share=0.4, intensive=0.6,
    ),
    Condition(
        "Influenza", "General Medicine", (0.4, 0.0, 0.0, 0.3, 0.8, -0.2), of_children=True
    ),
    Condition("Migraine", "Neurology", (0.0, 0.1, 0.1, 0.0, 0.0, 0.0), frailty=0.3, share=0.5),
    Condition(
        "Epilepsy", "Neurology", (0.1, 0.0, 0.0, 0.0, 0.0, 0.0), drowsiness=0.4, share=0.6,
        of_children=True, intensive=0.4,
    ),
    Condition("Anemia", "Oncology", (0.4, -0.2, -0.2, 0.1, 0.0, 0.0)),
)  # fmt: skip
COPD: Final = next(n for n, each in enumerate(CONDITIONS) if each.name == "COPD")
