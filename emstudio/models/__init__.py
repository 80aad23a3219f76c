"""The models, one file each; importing this package fills the registry."""

from emstudio.models import coins as coins
from emstudio.models import gaussian as gaussian
from emstudio.models import hmm as hmm
from emstudio.models import kmeans as kmeans
from emstudio.models import multinomial as multinomial
from emstudio.models import noisy_switch as noisy_switch
from emstudio.models import poisson as poisson
from emstudio.models import product as product
from emstudio.models import student_t as student_t
