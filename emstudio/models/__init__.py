"""The models, one file each; importing this package fills the registry."""

from emstudio.models import gaussian as gaussian
